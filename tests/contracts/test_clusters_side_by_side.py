"""Two hub processes on one PostgreSQL open, refute and erase links while two compute clusters."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import combinations

import pytest
from cluster_kit import EVENTS, expected, happen, put_records, step, stored
from postgres_kit import Server

from passerelle_hub.match.clusters import Pair
from passerelle_hub.store import Database

AGENCIES = "pqrstpqrs"


@pytest.mark.parametrize("seed", range(3))
def test_whoever_computes_when_the_last_state_counts(postgres: Server, seed: int) -> None:
    chance = random.Random(seed)
    pairs = list(combinations(range(len(AGENCIES)), 2))
    events = [(pair, chance.choice([*EVENTS])) for pair in chance.sample(pairs, 14) for _ in range(2)]
    ties: dict[Pair, int] = {pair: EVENTS[what] for pair, what in events}
    with postgres.migrated() as url, closing(Database(url)) as one, closing(Database(url)) as other:
        with one.write() as tx:
            keys = put_records(tx, AGENCIES)

        def change(database: Database, mine: list[tuple[Pair, str]]) -> None:
            for (low, high), what in mine:
                with database.write() as tx:
                    happen(tx, keys[low], keys[high], what)

        def compute(database: Database) -> None:
            made = step(database)
            for _ in range(8):
                made.catch_up()

        first, second = events[: len(events) // 2], events[len(events) // 2 :]
        with ThreadPoolExecutor(4) as pool:
            work = [pool.submit(change, one, first), pool.submit(change, other, second)]
            work += [pool.submit(compute, database) for database in (one, other)]
            for done in work:
                done.result(60)
        step(one).catch_up()
        assert stored(one) == expected(AGENCIES, ties)
