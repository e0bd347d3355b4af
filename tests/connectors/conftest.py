"""Fixtures for tests of the connector; what they are made of stands in `connector_kit`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from connector_kit import POLICE, Cast, Desk, FakeHub, MakeDesk, make_cast
from office_kit import FakeDirectory, FakeTrustee, Office, deal_keys

from passerelle.catalogue import catalogue
from passerelle.clock import DAY, ManualClock
from passerelle.groups import Group
from passerelle.notification import Band, LinkState, Notification, Relation
from passerelle.oprf.keys import KeyShare
from passerelle.oprf.pinned import GroupKeys
from passerelle_connector.ports import AcceptedDomain, HubDescription
from passerelle_connector.store import Database


@pytest.fixture(scope="session")
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def make_desk(cast: Cast, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeDesk]:
    """Desks with a folder, a clock and a hub of their own."""
    made: list[Desk] = []

    def make(open_database: Callable[[Path], Database] = Database) -> Desk:
        clock = ManualClock()
        hub = FakeHub(cast.hub, cast.police, clock)
        desk = Desk(cast, hub, tmp_path_factory.mktemp("desk"), clock, open_database=open_database)
        made.append(desk)
        return desk

    yield make
    for desk in made:
        desk.close()


@pytest.fixture
def desk(make_desk: MakeDesk) -> Desk:
    return make_desk()


@pytest.fixture
def notification() -> Notification:
    """About the police's own record number 1."""
    return Notification(
        notification_id=b"n" * 16,
        link_id=b"l" * 16,
        recipient=POLICE.agency,
        created=1,
        own_records=((1).to_bytes(16, "big"),),
        counterpart="customs",
        visibility="full",
        relation=Relation.SAME_PERSON,
        band=Band.STRONG,
        state=LinkState.NOTIFIED,
        agreements=(),
        odds="",
        handling="H1",
        urgency="normal",
        purposes=("terrorism",),
        legal_basis="law",
        actions=(),
        obligations=(),
        decision_id="d",
        policy_revision="1",
        weights="w/1",
        expiry=DAY,
    )


@pytest.fixture(scope="session")
def dealt() -> tuple[GroupKeys, dict[int, dict[Group, KeyShare]]]:
    return deal_keys()


@pytest.fixture
def office(desk: Desk, cast: Cast, tmp_path: Path, dealt: Any) -> Iterator[Office]:
    keys, shares = dealt
    said = HubDescription(
        "hub",
        cast.hub.entry(cast.registry, cast.root),
        (AcceptedDomain("ter", (1, 2), ()),),
        "norm/1",
        catalogue().version,
    )
    trustees = {index: FakeTrustee(mine) for index, mine in shares.items()}
    made = Office(desk, cast, tmp_path, desk.clock, trustees, keys, FakeDirectory(said))
    yield made
    made.stores.database.close()
