"""What one hub process reads while it settles, another changes: each interleaving that once went wrong.

Two complete hubs stand on one PostgreSQL. The second does its part between two statements of the first, or,
where the first holds what it needs, as soon as that is given back. Nothing is drawn by chance.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hub_kit import DOMAIN, HubKit
from judgement_kit import NUMBER, SAME, link_of
from neighbour_kit import Interloper, interloping, taken, two_hubs
from parties import MARKING
from postgres_kit import Server

from passerelle.clock import DAY
from passerelle.marking import TerCategory
from passerelle.record import RecordAction
from passerelle_hub.compose import Core
from passerelle_hub.policy.bundle import Bundle
from passerelle_hub.policy.embedded import EmbeddedEngine
from passerelle_hub.store import judgements, links, log_store, marks

EMBARGOED = replace(MARKING, embargo_basis="art-12")
BRIEF = replace(MARKING, ter_category=TerCategory.PRE_INVESTIGATION)
"""Erased after six months."""
ONE, OTHER = SAME | NUMBER, {name: f"other {word}" for name, word in (SAME | NUMBER).items()}
LESS = {"names in any order+birth two of three": "jan jnsn ym198002"}
ENDS = ("intelligence", "police")
Hubs = tuple[HubKit, Core]


@pytest.fixture
def hubs(tmp_path: Path, postgres: Server, engine: EmbeddedEngine, bundle: Bundle) -> Iterator[Hubs]:
    with two_hubs(tmp_path, postgres, engine, bundle, ENDS) as both:
        yield both


@pytest.fixture
def interloper(hubs: Hubs, monkeypatch: pytest.MonkeyPatch) -> Iterator[Interloper]:
    with interloping(hubs[1].database, monkeypatch) as one:
        yield one


def linked(kit: HubKit) -> dict[str, bytes]:
    """Both ends hold a record of one person and were told; the record ids."""
    ids = {name: os.urandom(16) for name in ENDS}
    for name in ENDS:
        taken(kit, kit.core, kit.agency(name), kit.agency(name).record(ONE, record_id=ids[name]))
    kit.beat()
    assert told(kit) == [1, 1]
    return ids


def told(kit: HubKit) -> list[int]:
    return [len(kit.inbox(kit.agency(name))) for name in ENDS]


def changes(kit: HubKit) -> int:
    """How often the log says that a link changed."""
    with kit.core.database.read() as tx:
        return log_store.counts(tx).get("link.changed", 0)


def settled(kit: HubKit, neighbour: Core) -> None:
    for core in (kit.core, neighbour, kit.core):
        kit.clock.advance(1_000_000)
        core.pulse.beat()


def test_records_that_go_over_to_an_epoch_side_by_side_stay_linked(
    hubs: Hubs, interloper: Interloper
) -> None:
    kit, neighbour = hubs
    intelligence, police = (kit.agency(name) for name in ENDS)
    ids = linked(kit)
    with kit.core.database.write() as tx:
        kit.core.epochs.announce(tx, DOMAIN, 2, "operator")
        kit.core.epochs.open(tx, DOMAIN, 2, "operator")
    intelligence.epoch = police.epoch = 2
    again = police.record(ONE, record_id=ids["police"], revision=2)
    taken(kit, kit.core, intelligence, intelligence.record(ONE, record_id=ids["intelligence"], revision=2))
    # nothing was found in the new epoch for the one record; now the other comes there as well
    interloper.behind(judgements, "standing", lambda: taken(kit, neighbour, police, again))
    kit.beat()
    interloper.result()
    settled(kit, neighbour)
    assert (link_of(kit, 1).state, changes(kit), told(kit)) == ("notified", 0, [1, 1])


def test_a_link_that_both_its_records_lose_is_closed_once(hubs: Hubs, interloper: Interloper) -> None:
    kit, neighbour = hubs
    intelligence, police = (kit.agency(name) for name in ENDS)
    ids = linked(kit)
    gone = police.record({}, record_id=ids["police"], revision=2, action=RecordAction.WITHDRAW)

    def withdrawn() -> None:
        taken(kit, neighbour, police, gone)
        neighbour.pulse.beat()

    taken(kit, kit.core, intelligence, intelligence.record(OTHER, record_id=ids["intelligence"], revision=2))
    interloper.behind(judgements, "standing", withdrawn)
    kit.beat()
    interloper.result()
    settled(kit, neighbour)
    assert (link_of(kit, 1).state, changes(kit), told(kit)) == ("erased", 1, [1, 1])


def test_a_link_whose_records_both_expire_is_closed_once(hubs: Hubs, interloper: Interloper) -> None:
    """Two processes sweep: one of them has lost its lead and does not know it yet."""
    kit, neighbour = hubs
    for name in ENDS:
        taken(kit, kit.core, kit.agency(name), kit.agency(name).record(ONE, marking=BRIEF))
    kit.beat()
    assert told(kit) == [1, 1]
    kit.clock.advance(200 * DAY)
    interloper.behind(links, "of_records", neighbour.retention.sweep)
    kit.core.retention.sweep()
    interloper.result()
    assert (link_of(kit, 1).state, changes(kit)) == ("erased", 1)


def test_what_a_record_was_under_embargo_is_not_told_of_what_it_is_now(
    hubs: Hubs, interloper: Interloper
) -> None:
    kit, neighbour = hubs
    intelligence, police = (kit.agency(name) for name in ENDS)
    record_id = os.urandom(16)
    taken(kit, kit.core, intelligence, intelligence.record(ONE, record_id=record_id, marking=EMBARGOED))
    kit.beat()
    # the index says that the two records are alike; by the time they are read, one is of somebody else
    corrected = intelligence.record(OTHER, record_id=record_id, revision=2)
    interloper.behind(marks, "shared", lambda: taken(kit, neighbour, intelligence, corrected))
    taken(kit, kit.core, police, police.record(ONE))
    settled(kit, neighbour)
    interloper.result()
    assert told(kit) == [0, 0]
    with kit.core.database.read() as tx:
        assert links.counts(tx) == {}


def test_a_token_that_both_gain_side_by_side_counts_for_the_link_and_never_against_it(
    hubs: Hubs, interloper: Interloper
) -> None:
    kit, neighbour = hubs
    intelligence, police = (kit.agency(name) for name in ENDS)
    ids = {name: os.urandom(16) for name in ENDS}
    for agency in (intelligence, police):
        taken(kit, kit.core, agency, agency.record(LESS, record_id=ids[agency.name]))
    kit.beat()
    more = intelligence.record(LESS | ONE, record_id=ids["intelligence"], revision=2)
    interloper.behind(marks, "shared", lambda: taken(kit, neighbour, intelligence, more))
    taken(kit, kit.core, police, police.record(LESS | ONE, record_id=ids["police"], revision=2))
    kit.beat()
    interloper.result()
    settled(kit, neighbour)
    assert (link_of(kit, 1).band, changes(kit), told(kit)) == ("very_strong", 0, [1, 1])
