"""Surname and home alone, on both databases: counted, nothing by default, a candidate at most."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hub_kit import HubKit, hub_kit
from parties import MARKING
from policy_kit import desk

from passerelle.chances import FAMILY, Chance, encode_chances
from passerelle_hub.policy.bundle import Bundle, load_bundle
from passerelle_hub.policy.embedded import EmbeddedEngine
from passerelle_hub.store import chances, links, paired
from passerelle_hub.store.paired import Counted

pytestmark = pytest.mark.integration

BROTHER = {
    "surname+given+birth": "jansen jan 1980-02-03",
    "given+birth": "jan 1980-02-03",
    "birth+postcode": "1980-02-03 9000",
    "birth+street": "1980-02-03 kerk",
    "given~+street+house number": "jn kerk 12",
    "name part+street+house number": "JAN KERK 12",
    "surname~+postcode digits+house number": "jnsn 0009 12",
}
SISTER = BROTHER | {
    "surname+given+birth": "jansen an 1984-05-06",
    "given+birth": "an 1984-05-06",
    "birth+postcode": "1984-05-06 9000",
    "birth+street": "1984-05-06 kerk",
    "given~+street+house number": "n kerk 12",
}


Told = Mapping[bool, tuple[Bundle, EmbeddedEngine]]


@pytest.fixture(scope="module")
def told(policies: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """Policies whose domain says that its records know no households, and that they do."""
    made: dict[bool, tuple[Bundle, EmbeddedEngine]] = {}
    for said in (True, False):
        edited = desk(policies, tmp_path_factory.mktemp("policies"))
        edited.edit("domains", partial(_say, said))
        bundle = load_bundle(edited.policies)
        made[said] = bundle, EmbeddedEngine(bundle)
    yield made
    for _, engine in made.values():
        engine.close()


def _say(said: bool, domains: dict[str, Any]) -> None:
    domains["ter"]["no_households"] = said


@pytest.fixture
def kit(tmp_path: Path, database_url: str, told: Told) -> Iterator[HubKit]:
    bundle, engine = told[True]
    with hub_kit(tmp_path, engine, bundle, database_url) as made:
        yield made


@pytest.fixture
def denied(tmp_path: Path, database_url: str, told: Told) -> Iterator[HubKit]:
    bundle, engine = told[False]
    with hub_kit(tmp_path, engine, bundle, database_url) as made:
        yield made


def siblings(kit: HubKit, shown: Counted, families: float = 0.0) -> list[tuple[str, str]]:
    """State and band of what becomes of a brother and a sister, where pairs showed so much before.

    `families`: how often two of an agency's own records are of one family, as both agencies stated.
    """
    with kit.core.database.write() as tx:
        paired.add(tx, {"ter": shown})
        for agency in ("intelligence", "police") if families else ():
            chances.put(tx, "ter", agency, encode_chances([Chance.rounded(*FAMILY, families)]), 0)
    police, customs = kit.agency("police"), kit.agency("intelligence")
    kit.submit(police, police.record(BROTHER))
    kit.submit(customs, customs.record(SISTER))
    kit.beat()
    with kit.core.database.read() as tx:
        return [(one.state, one.band) for one in links.by_key(tx, [1, 2])]


CLEAR = Counted(4_000, 2_000, 2_000, 0)


def test_where_nothing_is_said_of_households_they_are_nothing(hub: HubKit) -> None:
    assert siblings(hub, CLEAR) == []


def test_where_own_records_and_pairs_show_none_they_are_a_candidate_though_nothing_is_said(
    hub: HubKit,
) -> None:
    assert siblings(hub, CLEAR, families=2.0**-20) == [("candidate", "possible")]


def test_own_records_with_families_or_pairs_that_show_some_make_them_nothing(hub: HubKit) -> None:
    assert siblings(hub, Counted(4_000, 2_000, 2_000, 200), families=2.0**-20) == []
    assert siblings(hub, CLEAR, families=0.5) == []


def test_a_domain_whose_data_deny_it_has_none_whatever_is_measured(denied: HubKit) -> None:
    assert siblings(denied, CLEAR, families=2.0**-20) == []


def test_where_pairs_show_families_the_data_of_a_domain_change_nothing(kit: HubKit) -> None:
    assert siblings(kit, Counted(4_000, 2_000, 2_000, 200)) == []


def test_little_is_no_proof_that_there_are_no_families(kit: HubKit) -> None:
    assert siblings(kit, Counted(400, 200, 200, 0)) == []


def test_where_both_say_so_they_are_a_possible_candidate_and_no_more(kit: HubKit) -> None:
    assert siblings(kit, CLEAR) == [("candidate", "possible")]
    assert [kit.inbox(agency) for agency in (kit.agency("police"),)] == [[]]


def test_settlement_counts_what_pairs_show_once_and_nothing_under_embargo(hub: HubKit) -> None:
    police, customs = hub.agency("police"), hub.agency("intelligence")
    hub.submit(police, police.record(BROTHER), police.record(SISTER))
    hub.submit(customs, customs.record(BROTHER))
    hub.submit(customs, customs.record(BROTHER, marking=replace(MARKING, embargo_basis="art-12")))
    for _ in range(2):
        hub.beat()
    with hub.core.database.read() as tx:
        assert paired.of(tx, "ter") == (3, 1, 1, 1)
        assert paired.of(tx, "lists") == Counted()


def test_counts_are_halved_when_they_are_full(hub: HubKit) -> None:
    with hub.core.database.write() as tx:
        paired.add(tx, {"ter": Counted(3_999_999, 1_000_000, 900_001, 2)})
        paired.add(tx, {"ter": Counted(1, 0, 1, 1), "lists": Counted(1)})
        assert paired.of(tx, "ter") == (2_000_000, 500_000, 450_001, 1)
        assert paired.of(tx, "lists") == (1, 0, 0, 0)
