"""Hub ingest with everything on, against the bare pipeline, batch by batch in turns.

Two agencies send batches of 500 records of 8 tokens and one section of 1 KiB in turns; 5 % of the records are
about somebody in an earlier batch of the other agency; the markings give 500 distinct policy tuples an
agency. Frames are encoded before the clock starts, so both sides begin with parsing. The hub ticks after
every second batch and so settles, links, notifies and closes the log within the time measured.
"""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.bare import BarePipeline, assembled
from bench.figures import SEED, Figure, Sizes
from bench.hub import BenchHub, bench_hub
from bench.markings import distinct_markings
from hub_kit import FakeAgency

from passerelle.codec.frames import frames
from passerelle.codec.statement import decode_receipt
from passerelle.record import RECEIPT_TYPE, SealedRecord
from passerelle.sign import verify
from passerelle_hub.store import links, notifications

BATCH = 500
POLICY_TUPLES = 500
MATCHING = 0.05
SECTION_BYTES = 1_024
KINDS = (
    *("surname+given+birth", "given+birth", "surname~+birth", "surname3+birth"),
    *("national number", "number+surname", "number+birth", "phone"),
)
AGENCIES = ("police", "customs")
_BATCHES_A_TICK = 2


@dataclass(frozen=True, slots=True)
class Prepared:
    """One batch as it arrives: encoded frames and the agency's place in `AGENCIES`."""

    frames: tuple[bytes, ...]
    agency: int


@dataclass(slots=True)
class Spent:
    """Seconds, summed over batches: wall clock, and CPU time with that of the policy engine."""

    hub: float = 0.0
    bare: float = 0.0
    hub_cpu: float = 0.0
    bare_cpu: float = 0.0


def run(sizes: Sizes, folder: Path) -> tuple[Figure, ...]:
    """Measure."""
    with bench_hub(folder / "ingest", AGENCIES) as hub:
        keys = [agency.signing.public for agency in hub.agencies.values()]
        bare = BarePipeline(folder / "bare.db", keys)
        try:
            spent = _measure(hub, bare, sizes.ingest_batches)
        finally:
            bare.close()
        with hub.core.database.read() as tx:
            opened = sum(links.counts(tx).values())
            written = sum(notifications.last_sequences(tx).values())
    records = BATCH * sizes.ingest_batches
    assert opened > 0.8 * MATCHING * (records - BATCH)
    assert written == 2 * opened
    return (
        Figure("ingest, SQLite, everything on", records / spent.hub, "records/s"),
        Figure("ingest, SQLite, bare pipeline", records / spent.bare, "records/s"),
        Figure("ingest, SQLite, share of the bare pipeline", 100 * spent.bare / spent.hub, "%"),
        Figure("ingest, SQLite, the same by CPU time", 100 * spent.bare_cpu / spent.hub_cpu, "%"),
        Figure("ingest, SQLite, CPU of the hub for a record", 1e6 * spent.hub_cpu / records, "µs"),
        Figure("ingest, SQLite, CPU of the bare pipeline for a record", 1e6 * spent.bare_cpu / records, "µs"),
        Figure("ingest, PostgreSQL, share of the bare pipeline", None, "%", ">= 60"),
        Figure("ingest, PostgreSQL, everything on", None, "records/s", ">= 5000"),
    )


def _measure(hub: BenchHub, bare: BarePipeline, batches: int) -> Spent:
    spent = Spent()
    public = hub.core.foundation.signing_key.public
    peers = [agency.identity for agency in hub.agencies.values()]
    for number, batch in enumerate(_batches(hub, batches), start=1):
        began, cpu_began = time.perf_counter(), hub.cpu_seconds()
        bare.receive(batch.frames, batch.agency)
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


def _batches(hub: BenchHub, count: int) -> Iterator[Prepared]:
    """The batches of all agencies in turns, made as they are needed."""
    rng = random.Random(SEED)
    markings = list(itertools.islice(distinct_markings(), POLICY_TUPLES))
    people = itertools.count()
    free: list[list[int]] = [[] for _ in AGENCIES]  # people an agency knows and the other does not
    for number in range(count):
        turn = number % len(AGENCIES)
        agency, others = hub.agencies[AGENCIES[turn]], free[1 - turn]
        records: list[SealedRecord] = []
        fresh: list[int] = []
        for at in range(BATCH):
            if others and rng.random() < MATCHING:
                person = others.pop(rng.randrange(len(others)))
            else:
                person = next(people)
                fresh.append(person)
            words = dict.fromkeys(KINDS, f"person {person}")
            section = {"identity": rng.randbytes(SECTION_BYTES)}
            records.append(agency.record(words, marking=markings[at % len(markings)], sections=section))
        free[turn] += fresh
        yield Prepared(_encoded(agency, records), turn)


def _encoded(agency: FakeAgency, records: list[SealedRecord]) -> tuple[bytes, ...]:
    batch = agency.batch(*records)
    agency.took(batch)
    return tuple(frame.SerializeToString() for frame in frames(batch))
