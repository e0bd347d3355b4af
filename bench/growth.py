"""Whether the index of tokens keeps its speed as it grows: rows a second at 50 million tokens to 1 million.

The hub's own table, store and database, on PostgreSQL: per batch 8,000 marks of 1,000 records are inserted
and committed, then all of them are looked up, from the records' own copy as transaction B does. Two databases
on one server take batches in turns. They are filled by the server itself, random marks, with the index built
afterwards as after a restore. PostgreSQL writes a whole page to its log when it is first touched after a
checkpoint. The filling ends with one, lest its own is still being written while batches are measured; the
batches that warm up touch most pages of the large index, so that what counts is the speed between two
checkpoints; the ratio over all batches, the slow ones after the filling among them, stands beside it. Too
long for `make bench`: `make bench-growth` takes five minutes, 10 GB of disk and 8 GB of memory (a quarter of
a machine of 24 GB is shared buffers).
"""

from __future__ import annotations

import random
import statistics
import time
from contextlib import closing
from pathlib import Path

import postgres_kit
from bench.figures import SEED, Figure, Sizes, at_least
from bench.huge_pages import reserved
from store_kit import new_batch, new_record

from passerelle_hub.store import Database, marks, records

SMALL, LARGE = 1_000_000, 50_000_000
BATCH = 8_000
TOKENS_A_RECORD = 8
BATCHES = 200
_WARM_UP = 140
_BUFFERS = 5  # GB
_SETTINGS = (
    *(
        f"shared_buffers={_BUFFERS}GB",
        "max_wal_size=8GB",
        "checkpoint_timeout=30min",
        "maintenance_work_mem=1GB",
    ),
    *("wal_level=minimal", "max_wal_senders=0"),
)


def run(sizes: Sizes, folder: Path) -> tuple[Figure, ...]:  # noqa: ARG001 - as every benchmark
    """Measure."""
    name = "growth, rows/s at 50 M tokens to 1 M"
    programs = postgres_kit.binaries()
    if programs is None:
        return (Figure(name, None, "ratio", ">= 0.8"),)
    with reserved(_BUFFERS) as huge, postgres_kit.server(programs, (*_SETTINGS, _pages(huge))) as server:
        small, large = (Database(server.empty()) for _ in range(2))
        try:
            _fill(small, SMALL)
            _fill(large, LARGE)
            with closing(large.connect()) as connection:
                connection.execute("CHECKPOINT")
            took = _seconds(large, small)
        finally:
            small.close()
            large.close()
    slow, fast = (BATCH / statistics.median(times[_WARM_UP:]) for times in took)
    every = sum(took[1]) / sum(took[0])
    return (
        at_least(name, slow / fast, "ratio", 0.8),
        Figure("growth, the same by the time of all batches", every, "ratio"),
        Figure("growth, the server's memory in huge pages", 100.0 * huge, "%"),
        Figure("growth, insert and look up at 1 M tokens", fast, "rows/s"),
        Figure("growth, insert and look up at 50 M tokens", slow, "rows/s"),
    )


def _pages(huge: bool) -> str:
    """The server's setting; with `on` it does not start without them."""
    return f"huge_pages={'on' if huge else 'off'}"


def _fill(database: Database, tokens: int) -> None:
    """An index of that many tokens."""
    database.migrate()
    with database.write() as tx:
        tx.exec_driver_sql("DROP INDEX ix_token_mark")
        tx.exec_driver_sql(
            "INSERT INTO token SELECT gen_random_uuid(), at / %s, 1 FROM generate_series(1, %s) AS at",
            (TOKENS_A_RECORD, tokens),
        )
        tx.exec_driver_sql("CREATE INDEX ix_token_mark ON token USING hash (mark)")
    with database.write() as tx:
        tx.exec_driver_sql("ANALYZE token")


def _seconds(*databases: Database) -> list[list[float]]:
    """Seconds of each index's batches, which take turns, so that load falls on all alike."""
    rng = random.Random(SEED)
    took: list[list[float]] = [[] for _ in databases]
    for at in range(BATCHES):
        turns = list(zip(databases, took, strict=True))
        for database, times in turns if at % 2 else reversed(turns):
            times.append(_batch(database, rng, LARGE + BATCH * at))
    return took


def _batch(database: Database, rng: random.Random, first: int) -> float:
    """Seconds of one batch: insert, commit, look up."""
    drawn = [rng.randbytes(16) for _ in range(BATCH)]
    with database.write() as tx:  # not measured: the records, which carry the marks as well
        batch_pk = new_batch(tx, sequence=first)
        own = [drawn[at : at + TOKENS_A_RECORD] for at in range(0, BATCH, TOKENS_A_RECORD)]
        new = [new_record(batch_pk, first + number, marks=some) for number, some in enumerate(own)]
        keys = records.put(tx, new, {})
    carried = [(keys[one.row.record_id], one.row.entries) for one in new]
    began = time.perf_counter()
    with database.write() as tx:
        marks.put(tx, carried)
    with database.read() as tx:
        found = marks.shared(tx, [batch_pk])
    took = time.perf_counter() - began
    assert not found
    return took
