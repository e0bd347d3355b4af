"""Several hub processes on one PostgreSQL: who has what, leads, is woken; what a lost server costs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import postgres_kit
import pytest
from patience import PATIENCE, wait_until
from postgres_kit import Server
from store_kit import new_batch, new_record, store

from passerelle.errors import PasserelleError
from passerelle.record import GENESIS, Position
from passerelle_hub.store import (
    Database,
    batches,
    dead_letters,
    links,
    notifications,
    population,
    records,
)
from passerelle_hub.store.leading import Leader
from passerelle_hub.store.links import StoredLink
from passerelle_hub.store.waking import Waking, wake

_SAYS = ("notified", "strong", 21.5, "[]", "w/1", "d", 7)


@pytest.fixture
def url(postgres: Server) -> Iterator[str]:
    with postgres.migrated() as made:
        yield made


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    with closing(Database(url)) as made:
        yield made


def test_a_batch_belongs_to_whoever_claims_it_first(database: Database) -> None:
    with database.write() as tx:
        key = new_batch(tx)
    with database.write() as first, database.write() as second:
        assert [batch.batch_pk for batch in batches.claim(first, [key])] == [key]
        assert batches.claim(second, [key]) == ()
        batches.mark_matched(first, [key])
    with database.write() as tx:
        assert batches.claim(tx, [key]) == ()


def test_a_chain_moves_for_one_at_a_time(database: Database) -> None:
    went: list[Position] = []

    def second() -> None:
        with database.write() as tx:
            went.append(batches.lock(tx, "police"))

    with ThreadPoolExecutor(1) as pool:
        with database.write() as tx:
            assert batches.lock(tx, "police") == Position(1, GENESIS)
            waiting = pool.submit(second)
            with pytest.raises(TimeoutError):
                waiting.result(0.2)
            batches.advance(tx, "police", 1, b"d" * 32)
        waiting.result(PATIENCE)
    assert went == [Position(2, b"d" * 32)]


def test_a_record_that_changed_before_it_was_locked_is_told(database: Database) -> None:
    with database.write() as tx:
        batch_pk = new_batch(tx)
        keys = store(tx, [new_record(batch_pk, number) for number in (1, 2)])
    with database.write() as tx:
        rows = records.by_key(tx, list(keys.values()))
        assert records.lock(tx, rows)
        assert records.lock(tx, {})
    with database.write() as tx:
        records.erase(tx, max(rows), "withdrawn")
    with database.write() as tx:
        assert not records.lock(tx, rows)


def test_a_record_that_goes_twice_side_by_side_is_counted_once(database: Database) -> None:
    with database.write() as tx:
        batch_pk = new_batch(tx)
        keys = store(tx, [new_record(batch_pk, number) for number in (1, 2)])

    def second() -> None:
        with database.write() as tx:
            records.erase(tx, max(keys.values()), "expired")

    with ThreadPoolExecutor(1) as pool:
        with database.write() as tx:
            store(tx, [new_record(new_batch(tx, sequence=2), 2, revision=2, state="withdrawn")])
            waiting = pool.submit(second)
            with pytest.raises(TimeoutError):
                waiting.result(0.2)
        waiting.result(PATIENCE)
    with database.read() as tx:
        assert sum(population.visible(tx, "ter").values()) == 1


def test_a_record_that_is_just_given_a_longer_time_does_not_expire(database: Database) -> None:
    with database.write() as tx:
        batch_pk = new_batch(tx)
        store(tx, [new_record(batch_pk, number) for number in (1, 2)])
    with database.write() as agency:
        longer = new_record(new_batch(agency, sequence=2), 1, revision=2, expiry=9)
        store(agency, [longer])
        with database.write() as sweep:
            found = [int.from_bytes(row.record_id, "big") for row in records.expired(sweep, 2, 10)]
    assert found == [2]
    with database.write() as tx:
        assert [int.from_bytes(row.record_id, "big") for row in records.expired(tx, 2, 10)] == [2]


def test_numbers_of_an_agency_are_held_until_the_commit(database: Database) -> None:
    with database.write() as tx:
        notifications.next_sequences(tx, {"police": 3})
    with ThreadPoolExecutor(1) as pool:

        def second() -> dict[str, range]:
            with database.write() as tx:
                return notifications.next_sequences(tx, {"police": 1})

        with database.write() as tx:
            assert notifications.held(tx, ["police", "nobody"]) == {"police": (3, 0)}
            waiting = pool.submit(second)
            with pytest.raises(TimeoutError):
                waiting.result(0.2)
        assert waiting.result(PATIENCE) == {"police": range(4, 5)}


def test_one_leads_and_another_takes_over(url: str, postgres: Server) -> None:
    with closing(Database(url)) as one, closing(Database(url)) as two:
        first, second = Leader(one), Leader(two)
        assert first.held() and first.held()
        assert not second.held()
        first.close()
        assert second.held() and not first.held()
        with one.write() as tx:  # as if the process of the second were killed
            tx.exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted"
            )
        wait_until(first.held)
        assert not second.held()
        assert not second.leads
        first.close()
        second.close()


def test_a_letter_is_taken_by_one_although_two_believe_they_lead(database: Database) -> None:
    with database.write() as tx:
        batch_pk = new_batch(tx)
        low, high = store(tx, [new_record(batch_pk, number) for number in (1, 2)]).values()
        for number, relation in enumerate(("same_person", "shared_means")):
            link = StoredLink(0, bytes(15) + bytes([number]), low, high, relation, *_SAYS)
            (opened,) = links.open_links(tx, [link])
            dead_letters.put(tx, "police", opened.link_pk, number, "no_key")
    with database.write() as first, database.write() as second:
        taken = dead_letters.take(first, "police", 1)
        others = dead_letters.take(second, "police", 9)
    assert (len(taken), len(others), set(taken) & set(others)) == (1, 1, set())


def test_a_commit_wakes_every_process(database: Database) -> None:
    woken = threading.Semaphore(0)
    listeners = [Waking(database, woken.release) for _ in range(2)]
    for one in listeners:
        one.start()
    try:
        wait_until(lambda: len(listening(database)) == 2)
        with database.write() as tx:
            wake(tx)
        assert woken.acquire(timeout=PATIENCE) and woken.acquire(timeout=PATIENCE)
        before = listening(database)
        with database.write() as tx:  # a lost connection is opened again
            for process in before:
                tx.exec_driver_sql("SELECT pg_terminate_backend(%s)", (process,))
        wait_until(lambda: len(listening(database) - before) == 2)
        with database.write() as tx:
            wake(tx)
        assert woken.acquire(timeout=PATIENCE) and woken.acquire(timeout=PATIENCE)
    finally:
        for one in listeners:
            one.stop()


def listening(database: Database) -> set[int]:
    """The server's processes that listen."""
    query = "SELECT pid FROM pg_stat_activity WHERE query LIKE 'LISTEN%%' AND state = 'idle'"
    with database.read() as tx:
        return set(tx.exec_driver_sql(query).scalars())


def test_a_server_that_went_away_is_a_code_and_comes_back(postgres: Server) -> None:
    programs = postgres_kit.binaries()
    assert programs is not None
    with postgres_kit.server(programs) as own, own.migrated() as url, closing(Database(url)) as database:
        leader = Leader(database)
        assert leader.held()
        with pytest.raises(PasserelleError, match="database_unavailable"), database.write() as tx:
            new_batch(tx)
            own.kill()
            new_batch(tx, sequence=2)
        with pytest.raises(PasserelleError, match="database_unavailable"), database.read():
            raise AssertionError("no server, no transaction")
        assert not leader.held()
        own.start()
        with database.write() as tx:
            assert batches.counts(tx) == {}
            new_batch(tx)
        assert leader.held()
        leader.close()
