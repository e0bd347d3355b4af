"""A recipient without a key, or suspended, is told once it has one; what is no longer due by then lapses."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from hub_kit import FakeAgency, HubKit, hub_kit
from parties import entry_of, manifest_of
from postgres_kit import Server

from passerelle.clock import DAY
from passerelle.notification import LinkState
from passerelle.registry_entry import Status
from passerelle_hub.policy.bundle import Bundle
from passerelle_hub.policy.embedded import EmbeddedEngine
from passerelle_hub.store import dead_letters, links, log_store, notifications, records

SAME = {"surname+given+birth": "jansen jan 1980-02-03", "national number": "80020312345"}


def counts(hub: HubKit) -> dict[str, int]:
    with hub.core.database.read() as tx:
        return log_store.counts(tx)


def letters(hub: HubKit) -> dict[str, int]:
    with hub.core.database.read() as tx:
        return dead_letters.counts(tx)


def without_key(hub: HubKit, agency: FakeAgency, revision: int) -> None:
    """The agency's next entry: a manifest that signs and lists no sealing key."""
    now = hub.clock.now()
    manifest = manifest_of(
        agency.identity, agency.manifest_key, agency.signing.public, None, now, now + 365 * DAY
    )
    hub.register(entry_of(agency.identity, hub.roots, manifest, now, revision=revision))


def with_key(hub: HubKit, agency: FakeAgency, revision: int) -> None:
    hub.register(replace(agency.entry(), revision=revision))


def linked(hub: HubKit, pairs: int = 1) -> tuple[FakeAgency, FakeAgency]:
    police, intelligence = hub.agency("police"), hub.agency("intelligence")
    without_key(hub, intelligence, 2)
    for at in range(pairs):
        words = {name: f"{word} {at}" for name, word in SAME.items()}
        hub.submit(police, police.record(words))
        hub.submit(intelligence, intelligence.record(words))
    hub.beat()
    return police, intelligence


def test_a_letter_waits_and_is_delivered_once_when_there_is_a_key(hub: HubKit) -> None:
    police, intelligence = linked(hub, pairs=3)
    assert letters(hub) == {"intelligence": 3}
    assert len(hub.inbox(police)) == 3
    assert counts(hub)["notification.undeliverable"] == 3
    hub.beat()
    assert letters(hub) == {"intelligence": 3}
    assert counts(hub)["notification.undeliverable"] == 3  # waiting is no new event
    with_key(hub, intelligence, 3)
    hub.beat()
    hub.beat()
    assert letters(hub) == {}
    heard = hub.inbox(intelligence)
    assert {note.link_id for note in heard} == {note.link_id for note in hub.inbox(police)}
    assert len(heard) == 3
    with hub.core.database.read() as tx:
        assert notifications.last_sequences(tx)["intelligence"] == 3
    assert "notification.lapsed" not in counts(hub)


@pytest.mark.parametrize("by", ["the registry", "this hub"])
def test_a_suspended_agency_is_told_once_it_takes_part_again(by: str, hub: HubKit) -> None:
    police, intelligence, local = hub.agency("police"), hub.agency("intelligence"), hub.core.registry.local
    hub.submit(intelligence, intelligence.record(SAME))
    if by == "the registry":
        hub.register(intelligence.entry(revision=2, status=Status.SUSPENDED))
    else:
        with hub.core.database.write() as tx:
            local.suspend(tx, "intelligence", "ada", "leaf was copied")
    hub.submit(police, police.record(SAME))
    hub.beat()
    assert (len(hub.inbox(police)), hub.inbox(intelligence)) == (1, [])
    assert letters(hub) == {"intelligence": 1}
    if by == "the registry":
        hub.register(intelligence.entry(revision=3))
    else:
        with hub.core.database.write() as tx:
            local.resume(tx, "intelligence", "bo")
    hub.beat()
    assert letters(hub) == {}
    assert len(hub.inbox(intelligence)) == 1


def test_a_link_that_has_gone_meanwhile_lapses(hub: HubKit) -> None:
    _, intelligence = linked(hub)
    record = intelligence.record({"surname+given+birth": "somebody else 1990-01-01"})
    with hub.core.database.write() as tx:
        tx.exec_driver_sql("UPDATE link SET state = 'erased'")
    hub.submit(intelligence, record)
    with_key(hub, intelligence, 3)
    hub.beat()
    assert letters(hub) == {}
    assert hub.inbox(intelligence) == []
    assert counts(hub)["notification.lapsed"] == 1


def test_a_link_under_embargo_by_now_goes_to_the_director_alone(hub: HubKit) -> None:
    _, intelligence = linked(hub)
    with hub.core.database.write() as tx:
        tx.exec_driver_sql("UPDATE link SET state = 'director_only'")
    with_key(hub, intelligence, 3)
    hub.beat()
    assert hub.inbox(intelligence) == []
    assert counts(hub)["notification.lapsed"] == 1


def test_policy_that_does_not_answer_leaves_the_letters_where_they_are(hub: HubKit) -> None:
    _, intelligence = linked(hub)
    with_key(hub, intelligence, 3)
    with hub.core.database.write() as tx:
        tx.exec_driver_sql("ALTER TABLE decision RENAME TO elsewhere")
    assert hub.core.pulse.beat().settled == 0  # the tick goes on
    assert letters(hub) == {"intelligence": 1}
    with hub.core.database.write() as tx:
        tx.exec_driver_sql("ALTER TABLE elsewhere RENAME TO decision")
    hub.beat()
    assert letters(hub) == {}
    assert len(hub.inbox(intelligence)) == 1


def test_a_letter_waits_for_whoever_is_changing_its_records(
    tmp_path: Path, engine: EmbeddedEngine, bundle: Bundle, postgres: Server
) -> None:
    """Several processes: what comes under embargo at that moment is told to nobody."""
    with postgres.migrated() as url, hub_kit(tmp_path, engine, bundle, url) as hub:
        _, intelligence = linked(hub)
        with_key(hub, intelligence, 3)
        with ThreadPoolExecutor(1) as pool:
            with hub.core.database.write() as tx:
                (link,) = links.by_key(tx, [1])
                assert records.lock(tx, records.by_key(tx, [link.low, link.high]))
                waiting = pool.submit(hub.core.pulse.beat)
                with pytest.raises(TimeoutError):
                    waiting.result(0.5)
                links.change(tx, link._replace(state=LinkState.DIRECTOR_ONLY.value))
            waiting.result(60)
        assert letters(hub) == {}
        assert hub.inbox(intelligence) == []
