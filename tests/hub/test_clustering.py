"""Clusters kept up with links: joined, split, alike in any order of arrival."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import combinations, pairwise
from pathlib import Path

import pytest
from cluster_kit import EVENTS, expected, happen, put_records, step, stored
from hub_kit import FakeAgency, HubKit
from hypothesis import given, settings
from hypothesis import strategies as st
from judgement_kit import judge, link_of
from parties import MARKING
from store_kit import migrated

from passerelle.errors import PasserelleError
from passerelle.judgement import Verdict
from passerelle.record import RecordAction
from passerelle_hub.clustering import Clustering
from passerelle_hub.match.clusters import Pair
from passerelle_hub.store import Database, Transaction, log_store
from passerelle_hub.store import clusters as store

CORE = {
    "surname+given+birth": "jansen jan 1980-02-03",
    "given+birth": "jan 1980-02-03",
    "surname~+birth": "jnsn 1980-02-03",
}
NUMBER = {"national number": "80020312345"}
NAMED = NUMBER | {"number+surname3": "80020312345 jan", "number+given3": "80020312345 jan"}


def groups(hub: HubKit) -> list[list[str]]:
    """The agencies of each cluster."""
    with hub.core.database.read() as tx:
        return [[agency for agency, _ in members] for members in store.listing(tx)]


def send(
    hub: HubKit, name: str, words: dict[str, str], record_id: bytes = b"", revision: int = 1
) -> FakeAgency:
    agency = hub.agency(name)
    hub.submit(agency, agency.record(words, record_id=record_id or os.urandom(16), revision=revision))
    return agency


def test_linked_records_are_one_cluster_and_a_withdrawal_takes_one_out(hub: HubKit) -> None:
    third = os.urandom(16)
    send(hub, "police", CORE | NUMBER)
    send(hub, "intelligence", CORE | NUMBER)
    coordination = send(hub, "coordination", CORE | NUMBER, third)
    hub.beat()
    assert groups(hub) == [["coordination", "intelligence", "police"]]
    gone = coordination.record({}, record_id=third, revision=2, action=RecordAction.WITHDRAW)
    hub.submit(coordination, gone)
    hub.beat()
    assert groups(hub) == [["intelligence", "police"]]


def test_a_bridge_that_is_withdrawn_splits_what_it_held(hub: HubKit) -> None:
    bridge = os.urandom(16)
    send(hub, "police", NAMED)
    send(hub, "coordination", CORE)
    middle = send(hub, "intelligence", CORE | NAMED, bridge)
    hub.beat()
    assert groups(hub) == [["coordination", "intelligence", "police"]]
    hub.submit(middle, middle.record({}, record_id=bridge, revision=2, action=RecordAction.WITHDRAW))
    hub.beat()
    assert groups(hub) == []


def test_a_refuted_link_splits_and_nothing_joins_them_again(hub: HubKit) -> None:
    send(hub, "police", CORE | NUMBER)
    send(hub, "intelligence", CORE | NUMBER)
    hub.beat()
    judge(hub, hub.agency("police"), link_of(hub, 1).link_id, Verdict.REFUTED)
    hub.beat()
    assert groups(hub) == []
    send(hub, "coordination", CORE | NUMBER)
    hub.beat()
    assert [len(group) for group in groups(hub)] == [2]


def test_two_numbers_keep_apart_what_a_third_record_would_join(hub: HubKit) -> None:
    send(hub, "police", CORE | NUMBER)
    send(hub, "intelligence", CORE | {"national number": "81020312345"})
    send(hub, "coordination", CORE)
    hub.beat()
    (pair,) = groups(hub)
    assert "coordination" in pair
    assert len(pair) == 2


def test_an_embargoed_record_is_in_no_cluster(hub: HubKit) -> None:
    police = hub.agency("police")
    hub.submit(police, police.record(CORE | NUMBER, marking=replace(MARKING, embargo_basis="art-12")))
    send(hub, "intelligence", CORE | NUMBER)
    hub.beat()
    assert groups(hub) == []
    send(hub, "coordination", CORE | NUMBER)
    hub.beat()
    assert groups(hub) == [["coordination", "intelligence"]]


def test_a_record_that_becomes_embargoed_leaves_its_cluster(hub: HubKit) -> None:
    record_id = os.urandom(16)
    police = send(hub, "police", CORE | NUMBER, record_id)
    send(hub, "intelligence", CORE | NUMBER)
    hub.beat()
    embargoed = replace(MARKING, embargo_basis="art-12")
    hub.submit(police, police.record(CORE | NUMBER, record_id=record_id, revision=2, marking=embargoed))
    hub.beat()
    assert groups(hub) == []


def test_an_expired_record_leaves_its_cluster(hub: HubKit) -> None:
    send(hub, "police", CORE | NUMBER)
    send(hub, "intelligence", CORE | NUMBER)
    hub.beat()
    hub.clock.advance(40 * 365 * 86_400_000_000)
    assert hub.core.retention.sweep() == 2
    hub.beat()
    assert groups(hub) == []


def test_nothing_to_do_writes_nothing(hub: HubKit) -> None:
    send(hub, "police", CORE)
    send(hub, "intelligence", CORE)
    hub.beat()
    hub.beat()
    with hub.core.database.read() as tx:
        assert log_store.counts(tx)["clusters.changed"] == 1


@contextmanager
def bare() -> Iterator[tuple[Database, Clustering]]:
    """A hub's database and the step, nothing else."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database(migrated(Path(folder) / "hub.db"))
        yield database, step(database)
        database.close()


_CHANGES = st.lists(
    st.tuples(
        st.tuples(st.integers(0, 6), st.integers(0, 6)).filter(lambda two: two[0] < two[1]),
        st.sampled_from([*EVENTS]),
    ),
    max_size=14,
)


@settings(max_examples=25)
@given(st.text("pqrs", min_size=7, max_size=7), _CHANGES, st.data())
def test_any_order_of_the_same_events_ends_in_the_same_clusters(
    agencies: str, events: list[tuple[Pair, str]], data: st.DataObject
) -> None:
    """Events of different pairs in any order, clusters computed at any moment; a pair's own keep theirs."""
    order = data.draw(st.permutations([pair for pair, _ in events]))
    waiting = {pair: [what for which, what in events if which == pair] for pair in order}
    ties = {pair: EVENTS[whats[-1]] for pair, whats in waiting.items()}
    with bare() as (database, made):
        with database.write() as tx:
            keys = put_records(tx, agencies)
        for low, high in order:
            with database.write() as tx:
                happen(tx, keys[low], keys[high], waiting[low, high].pop(0))
            if data.draw(st.booleans()):
                made.catch_up()
        made.catch_up()
        assert stored(database) == expected(agencies, ties)
        assert made.catch_up() == 0


def test_a_component_that_is_too_large_is_left_as_it_is() -> None:
    with bare() as (database, made):
        with database.write() as tx:
            keys = put_records(tx, "pq" * 40)
            for low, high in combinations(keys[:4], 2):
                if (high - low) % 2:
                    happen(tx, low, high, "strong")
        made.catch_up()
        with database.write() as tx:
            for low, high in pairwise(keys[3:]):
                happen(tx, low, high, "strong")
        assert made.catch_up() == 0
        with database.read() as tx:
            assert store.counts(tx) == {"4": 1}
            assert log_store.counts(tx)["clusters.changed"] == 2


def test_what_fails_waits_for_the_next_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(tx: Transaction) -> None:
        raise PasserelleError("database_unavailable", "made to fail by a test")

    with bare() as (database, made):
        with database.write() as tx:
            low, high = put_records(tx, "pq")
            happen(tx, low, high, "strong")
        with monkeypatch.context() as patch:
            patch.setattr(store, "alone", fails)
            assert made.catch_up() == 0
        assert made.catch_up() == 2
