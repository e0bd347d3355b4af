"""Hub ingest with everything on, against the bare pipeline, in turns; on SQLite and on PostgreSQL.

SQLite: batch by batch through the steps, without a socket; the hub ticks after every second batch and so
settles, links, notifies and closes the log within the time measured. PostgreSQL: see `bench.ingest_tls`.
Frames are encoded before the clock starts, so both sides begin with parsing.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from bench import ingest_tls
from bench.bare import BarePipeline, SqliteTables, assembled
from bench.figures import Figure, Sizes
from bench.hub import BenchHub, bench_hub
from bench.workload import Workload

from passerelle.codec.statement import decode_receipt
from passerelle.record import RECEIPT_TYPE
from passerelle.sign import verify
from passerelle_hub.store import links, notifications

BATCH = 500
AGENCIES = ("police", "customs")
_BATCHES_A_TICK = 2


@dataclass(slots=True)
class Spent:
    """Seconds, summed over batches: wall clock, and CPU time with that of the policy engine."""

    hub: float = 0.0
    bare: float = 0.0
    hub_cpu: float = 0.0
    bare_cpu: float = 0.0


def run(sizes: Sizes, folder: Path) -> tuple[Figure, ...]:
    """Measure."""
    return (*_sqlite(sizes, folder), *ingest_tls.run(sizes, folder))


def _sqlite(sizes: Sizes, folder: Path) -> tuple[Figure, ...]:
    with bench_hub(folder / "ingest", AGENCIES) as hub:
        work = Workload(hub.agencies, BATCH)
        keys = [agency.signing.public for agency in hub.agencies.values()]
        bare = BarePipeline(SqliteTables(folder / "bare.db"), keys)
        try:
            spent = _measure(hub, bare, work, sizes.ingest_batches)
        finally:
            bare.close()
        check(hub, work)
    records = BATCH * sizes.ingest_batches
    return (
        Figure("ingest, SQLite, everything on", records / spent.hub, "records/s"),
        Figure("ingest, SQLite, bare pipeline", records / spent.bare, "records/s"),
        Figure("ingest, SQLite, share of the bare pipeline", 100 * spent.bare / spent.hub, "%"),
        Figure("ingest, SQLite, the same by CPU time", 100 * spent.bare_cpu / spent.hub_cpu, "%"),
        Figure("ingest, SQLite, CPU of the hub for a record", 1e6 * spent.hub_cpu / records, "µs"),
        Figure("ingest, SQLite, CPU of the bare pipeline for a record", 1e6 * spent.bare_cpu / records, "µs"),
    )


def check(hub: BenchHub, work: Workload) -> None:
    """Every pair is linked, and both of its agencies were told."""
    with hub.core.database.read() as tx:
        opened = sum(links.counts(tx).values())
        written = sum(notifications.last_sequences(tx).values())
    assert (opened, written) == (work.pairs, 2 * work.pairs), (opened, written, work.pairs)


def _measure(hub: BenchHub, bare: BarePipeline, work: Workload, batches: int) -> Spent:
    spent = Spent()
    public = hub.core.foundation.signing_key.public
    peers = [agency.identity for agency in hub.agencies.values()]
    for number, batch in enumerate(work.batches(batches), start=1):
        began, cpu_began = time.perf_counter(), hub.cpu_seconds()
        bare.receive(assembled(batch.frames), batch.agency)
        middle, cpu_middle = time.perf_counter(), hub.cpu_seconds()
        receipt = hub.core.intake.receive(assembled(batch.frames), peers[batch.agency])
        if number % _BATCHES_A_TICK == 0 or number == batches:
            hub.core.pulse.beat()
        spent.hub += time.perf_counter() - middle
        spent.hub_cpu += hub.cpu_seconds() - cpu_middle
        spent.bare += middle - began
        spent.bare_cpu += cpu_middle - cpu_began
        taken = decode_receipt(verify(receipt, public, RECEIPT_TYPE))
        assert (taken.code, taken.refusals) == ("", ())
    return spent
