"""First dot: told once to each agency that may know of three, and computed from what each may know."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from hub_kit import HubKit, hub_kit
from parties import MARKING
from patience import PATIENCE
from postgres_kit import Server
from sqlalchemy import update

from passerelle.codec.header import encode_marking
from passerelle.marking import Handling, Marking
from passerelle.notification import Notification, NotificationKind
from passerelle.record import RecordAction
from passerelle_hub.policy.bundle import Bundle
from passerelle_hub.policy.embedded import EmbeddedEngine
from passerelle_hub.store.tables import record

CORE = {
    "surname+given+birth": "jansen jan 1980-02-03",
    "given+birth": "jan 1980-02-03",
    "surname~+birth": "jnsn 1980-02-03",
}
NUMBER = {"national number": "80020312345"}
NAMED = NUMBER | {"number+surname3": "80020312345 jan", "number+given3": "80020312345 jan"}
THREE = ("police", "intelligence", "coordination")


def send(hub: HubKit, name: str, words: dict[str, str] | None = None, marking: Marking = MARKING) -> bytes:
    agency, record_id = hub.agency(name), os.urandom(16)
    hub.submit(agency, agency.record(words or CORE | NUMBER, record_id=record_id, marking=marking))
    hub.beat()
    return record_id


def dots(hub: HubKit, name: str) -> list[Notification]:
    return [note for note in hub.inbox(hub.agency(name)) if note.kind is NotificationKind.FIRST_DOT]


def counts(hub: HubKit, *names: str) -> list[int]:
    return [len(dots(hub, name)) for name in names]


def test_a_third_agency_is_told_of_once_to_each(hub: HubKit) -> None:
    first = send(hub, "police")
    send(hub, "intelligence")
    assert counts(hub, *THREE) == [0, 0, 0]
    send(hub, "coordination")
    assert counts(hub, *THREE) == [1, 1, 1]
    (told,) = dots(hub, "police")
    assert told.own_records == (first,)
    assert told.agencies == 3
    assert told.counterpart in {"coordination", "coordinator"}
    assert told.agreements == ()
    assert {note.link_id for note in hub.inbox(hub.agency("police"))} >= {told.link_id}
    send(hub, "justice")
    assert counts(hub, *THREE) == [1, 1, 1]


def test_two_agencies_are_no_first_dot_however_many_records(hub: HubKit) -> None:
    for name in ("police", "intelligence", "police"):
        send(hub, name)
    assert counts(hub, "police", "intelligence") == [0, 0]


def test_a_weak_chain_tells_nobody(hub: HubKit) -> None:
    send(hub, "police", CORE | NUMBER)
    send(hub, "intelligence", CORE | {"national number": "81020312345"})
    send(hub, "coordination", CORE)
    assert counts(hub, *THREE) == [0, 0, 0]


def test_an_embargoed_third_record_tells_nobody(hub: HubKit) -> None:
    send(hub, "police")
    send(hub, "intelligence")
    send(hub, "coordination", marking=replace(MARKING, embargo_basis="art-12"))
    assert counts(hub, *THREE) == [0, 0, 0]


def test_who_may_not_know_of_the_third_record_is_not_told(hub: HubKit) -> None:
    send(hub, "police")
    send(hub, "intelligence")
    send(hub, "coordination", marking=replace(MARKING, releasable_to=("police",)))
    assert counts(hub, *THREE) == [1, 0, 1]


def test_a_record_that_may_not_be_shared_onward_is_told_to_its_own_links_only(hub: HubKit) -> None:
    """The third is linked with the middle one and not with the first."""
    send(hub, "police", NAMED)
    send(hub, "intelligence", CORE | NAMED)
    send(hub, "coordination", CORE, marking=replace(MARKING, handling=Handling.H2))
    assert counts(hub, *THREE) == [0, 1, 1]


def test_without_such_a_condition_the_first_is_told_by_its_own_link(hub: HubKit) -> None:
    send(hub, "police", NAMED)
    send(hub, "intelligence", CORE | NAMED)
    send(hub, "coordination", CORE)
    assert counts(hub, *THREE) == [1, 1, 1]
    links = [note.link_id for note in hub.inbox(hub.agency("police"))]
    assert links[0] == links[1]


@pytest.mark.parametrize(
    "hidden", [replace(MARKING, embargo_basis="art-12"), replace(MARKING, releasable_to=("justice",))]
)
def test_a_hidden_record_does_not_keep_three_apart(hub: HubKit, hidden: Marking) -> None:
    """It has another number, so that nobody else's records would hold against it."""
    send(hub, "justice", CORE | {"national number": "81020312345"}, marking=hidden)
    send(hub, "police", CORE)
    send(hub, "intelligence", CORE)
    send(hub, "coordination", CORE)
    assert counts(hub, *THREE) == [1, 1, 1]
    assert {note.agencies for name in THREE for note in dots(hub, name)} == {3}


def test_who_has_no_key_is_told_once_it_has_one(hub: HubKit) -> None:
    send(hub, "police")
    send(hub, "intelligence")
    police = hub.agency("police")
    hub.register(replace(police.entry(revision=2), manifest=b""))
    send(hub, "coordination")
    assert counts(hub, *THREE) == [0, 1, 1]
    hub.register(police.entry(revision=3))
    hub.beat()
    hub.beat()
    assert counts(hub, *THREE) == [1, 1, 1]


def test_leaving_and_coming_back_is_no_news(hub: HubKit) -> None:
    send(hub, "police")
    send(hub, "intelligence")
    third = send(hub, "coordination")
    agency = hub.agency("coordination")
    hub.submit(agency, agency.record({}, record_id=third, revision=2, action=RecordAction.WITHDRAW))
    hub.beat()
    send(hub, "coordination")
    assert counts(hub, "police", "intelligence") == [1, 1]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_one_tick_or_three_and_any_order_tell_the_same(hub: HubKit, order: tuple[int, ...]) -> None:
    for at in order:
        agency = hub.agency(THREE[at])
        hub.submit(agency, agency.record(CORE | NUMBER))
    hub.beat()
    assert counts(hub, *THREE) == [1, 1, 1]


def test_an_embargo_set_while_a_first_dot_is_found_is_not_told_of(
    tmp_path: Path, postgres: Server, engine: EmbeddedEngine, bundle: Bundle
) -> None:
    with postgres.migrated() as url, hub_kit(tmp_path, engine, bundle, url) as hub:
        send(hub, "police")
        send(hub, "intelligence")
        agency, third = hub.agency("coordination"), os.urandom(16)
        hub.submit(agency, agency.record(CORE | NUMBER, record_id=third))
        assert hub.core.settlement.settle_all() == 1  # linked, and no clusters yet
        embargoed = encode_marking(replace(MARKING, embargo_basis="art-12"))
        with ThreadPoolExecutor(1) as pool:
            with hub.core.database.write() as tx:
                mine = update(record).where(record.c.record_id == third)
                tx.execute(mine.values(marking=embargoed, embargoed=True))
                beating = pool.submit(hub.beat)
                with pytest.raises(TimeoutError):
                    beating.result(0.5)  # it waits for what the embargo comes to
            beating.result(PATIENCE)
        assert counts(hub, *THREE) == [0, 0, 0]
