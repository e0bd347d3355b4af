"""Links, letters, notifications, decisions, quotas, agencies and the log, alike on both databases."""

from __future__ import annotations

import os

import pytest
from store_kit import new_batch, new_record, store

from passerelle.audit.event import Event
from passerelle.evaluation_report import EvaluationCount, EvaluationReport
from passerelle.groups import Group
from passerelle_hub.store import (
    Database,
    Transaction,
    agencies,
    batches,
    dead_letters,
    decisions,
    evaluations,
    links,
    log_store,
    notifications,
    quotas,
    records,
)
from passerelle_hub.store.decisions import StoredDecision
from passerelle_hub.store.links import StoredLink
from passerelle_hub.store.log_store import StoredCheckpoint, Tick
from passerelle_hub.store.notifications import StoredNotification


def pair(tx: Transaction) -> tuple[int, int]:
    """Two records of two agencies."""
    keys = list(store(tx, [new_record(new_batch(tx), 1)]).values())
    other = new_record(new_batch(tx, "customs"), 2, agency="customs")
    keys += records.put(tx, [other], {}).values()
    return keys[0], keys[1]


def new_link(low: int, high: int) -> StoredLink:
    return StoredLink(
        0, os.urandom(16), low, high, "same_person", "notified", "strong", 21.5, "[]", "w/1", "d", 7
    )


def test_links_are_found_by_their_ends_and_changed_in_place(database: Database) -> None:
    with database.write() as tx:
        low, high = pair(tx)
        assert links.open_links(tx, []) == ()
        (opened,) = links.open_links(tx, [new_link(low, high)])
        assert links.of_records(tx, [high, 12345]) == {(low, high, "same_person"): opened}
        assert links.of_records(tx, []) == {}
        assert links.by_key(tx, [opened.link_pk]) == (opened,)
        assert links.counts(tx) == {"notified": 1}
        assert [(row.low_agency, row.high_agency, row.bits) for row in links.listing(tx)] == [
            ("police", "customs", 21.5)
        ]
        assert [(row.first, row.second, row.links) for row in links.by_pair(tx)] == [("customs", "police", 1)]
        links.change(tx, links.erased(opened, 8))
        assert links.counts(tx) == {"erased": 1}
        assert links.listing(tx) == ()


def test_letters_wait_once_and_are_taken_in_order(database: Database) -> None:
    with database.write() as tx:
        low, high = pair(tx)
        new = (new_link(low, high), new_link(low, high)._replace(relation="same_contact"))
        first, second = (link.link_pk for link in links.open_links(tx, new))
        dead_letters.put(tx, "police", second, 5, "agency_unknown")
        dead_letters.put(tx, "police", first, 6, "agency_unknown")
        dead_letters.put(tx, "police", second, 9, "no_key")
        assert dead_letters.counts(tx) == {"police": 2}
        assert dead_letters.agencies(tx) == ("police",)
        assert dead_letters.take(tx, "police", 1) == (second,)
        assert dead_letters.take(tx, "police", 9) == (first,)
        assert dead_letters.take(tx, "police", 9) == ()


def test_notifications_are_read_from_any_cursor(database: Database) -> None:
    with database.write() as tx:
        (link,) = links.open_links(tx, [new_link(*pair(tx))])
        note = StoredNotification("police", 0, link.link_pk, 1, "d", bytes(32), b"\0sealed")
        numbers = notifications.next_sequences(tx, {"police": 5})
        notifications.put(tx, [note._replace(sequence=number) for number in numbers["police"]])
    with database.read() as tx:
        assert [note.sequence for note in notifications.after(tx, "police", 2, 2)] == [3, 4]
        assert notifications.after(tx, "customs", 0, 9) == ()
        assert notifications.after(tx, "police", 0, 1)[0].sealed == b"\0sealed"
        news = notifications.news(tx, {"police": 3, "customs": 0}, 100)
        assert {agency: [note.sequence for note in page] for agency, page in news.items()} == {
            "police": [4, 5]
        }
        assert notifications.places(tx) == {"police": (5, 0)}


def decision(name: str, allow: bool = True) -> StoredDecision:
    return StoredDecision(name, "match", "police", allow, '[["é", {}]]', "{}", "{}", "p", "d", 5)


def test_a_decision_is_stored_once(database: Database) -> None:
    with database.write() as tx:
        decisions.put(tx, [decision(f"d{number:03}") for number in range(300)])
        decisions.put(tx, [decision("d300"), decision("d007", allow=False)])
        decisions.put(tx, [])
        assert decisions.count(tx) == 301


def test_quotas_add_up_by_agency_resource_and_day(database: Database) -> None:
    with database.write() as tx:
        assert quotas.use(tx, "police", 1, {"records": 7}) == {"records": 7}
        assert quotas.use(tx, "police", 1, {"records": 5, "control": 2}) == {"records": 12, "control": 2}
        quotas.use(tx, "police", 1, {"tokens": 1})
        quotas.use(tx, "police", 2, {"records": 1})
        assert quotas.used(tx, "police", "records", 1) == 12
        assert quotas.used(tx, "customs", "records", 1) == 0


def test_an_entry_replaces_the_one_before(database: Database) -> None:
    with database.write() as tx:
        agencies.put_entry(tx, "police", b"old", 1, 0)
        agencies.put_entry(tx, "customs", b"c", 1, 0)
        agencies.put_entry(tx, "police", b"new", 2, 1)
        assert agencies.entries(tx) == (b"c", b"new")


def test_batches_wait_in_order_until_they_are_matched(database: Database) -> None:
    with database.write() as tx:
        keys = [new_batch(tx, sequence=number) for number in (1, 2, 3)]
        assert [row.batch_pk for row in batches.pending(tx, 2)] == keys[:2]
        assert [row.batch_pk for row in batches.pending(tx, 9, after=keys[0])] == keys[1:]
        batches.mark_matched(tx, keys[:1])
        assert [row.batch_pk for row in batches.pending(tx, 9)] == keys[1:]
        assert batches.counts(tx) == {"indexed": 2, "matched": 1}
        assert batches.find(tx, "police", b"x" * 16) is None


def event(number: int) -> tuple[bytes, bytes, Event]:
    made = Event("batch.accepted", "hub", number, '{"a":"é"}', bytes(16), f"record/{number}", b"v" * 32)
    return number.to_bytes(32, "big"), b"t" * 16, made


@pytest.mark.parametrize("count", [0, 1, 2, 500])
def test_a_tick_takes_the_open_events_in_order(database: Database, count: int) -> None:
    commitments = [event(number)[0] for number in range(count)]
    with database.write() as tx:
        log_store.append(tx, [event(number) for number in range(count)])
        assert log_store.size(tx) == 0
        for number in (0, 1):
            log_store.take_open(tx, number, 400)
            log_store.put_tick(tx, Tick(number, 5, bytes(32), bytes(32)))
        log_store.append(tx, [event(count)])
    with database.write() as tx:
        assert log_store.size(tx) == 2
        assert log_store.closed(tx) == 5
        assert log_store.roots(tx, 1, 9) == (bytes(32),)
        assert log_store.tick_events(tx, 0) == tuple(commitments[:400])
        assert log_store.tick_events(tx, 1) == tuple(commitments[400:])
        found = log_store.places(tx, [*commitments, event(count)[0]])
        assert sorted((one.tick, one.position) for one in found) == [
            (n // 400, n % 400) for n in range(count)
        ]
        assert [one.event for one in log_store.newest(tx, ["record/0", "record/x"])] == [
            event(0)[2] for _ in range(min(count, 1))
        ]
        assert log_store.take_open(tx, 2, 9) == (event(count)[:2],)
        assert log_store.counts(tx) == {"batch.accepted": count + 1}


def test_nodes_and_checkpoints(database: Database) -> None:
    with database.write() as tx:
        nodes = log_store.Nodes(tx)
        nodes.put(3, 2**40, b"h" * 32)
        assert nodes.get(3, 2**40) == b"h" * 32
        assert log_store.nodes(tx, 3, 0, 2**41) == (b"h" * 32,)
        with pytest.raises(KeyError):
            nodes.get(3, 1)
        assert log_store.latest_checkpoint(tx) is None
        first = StoredCheckpoint(1, 5, b"one", offered=True)
        log_store.put_checkpoint(tx, first)
        log_store.put_checkpoint(tx, StoredCheckpoint(2, 6, b"two", offered=False))
        assert log_store.latest_checkpoint(tx) == StoredCheckpoint(2, 6, b"two", offered=False)
        assert log_store.offered_checkpoint(tx) == first == log_store.checkpoint_of(tx, 1)


def test_a_report_replaces_the_one_before(database: Database) -> None:
    group = next(iter(Group))
    counts = (EvaluationCount("customs", group, 1, 2), EvaluationCount("police", group, 1, 7))
    with database.write() as tx:
        for part in (counts, counts[1:]):
            evaluations.put_report(tx, EvaluationReport("trustee-1", 5, 9, part), b"signed")
        assert evaluations.report(tx, "trustee-1", 5) == b"signed"
        assert evaluations.sums(tx, 5) == {("police", group.value): 7}
        assert evaluations.last_reports(tx) == {"trustee-1": (5, 9)}
