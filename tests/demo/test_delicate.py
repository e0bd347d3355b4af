"""The delicate cases: rows that connectors read as meant, parties with the rights the rules speak of."""

from __future__ import annotations

import csv
import io
import tomllib

import pytest

from passerelle.catalogue import Tier, catalogue
from passerelle.marking import Handling
from passerelle_connector.marking import TARGETS, MarkingPlan
from passerelle_connector.normalise import FIELDS, Settings
from passerelle_connector.prepare import Preparation, Prepared, Refused
from passerelle_connector.sources.mapping import Targets, cells, compile_mapping
from passerelle_demo.scenario import Cast, Scenario, policy_data, synthetic

NOW = 1_790_000_000_000_000


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return synthetic(60, 3, delicate_at=NOW)


def prepared(one: Cast, reference: str) -> Prepared | Refused:
    """What the party's own connector makes of one of its rows."""
    config = tomllib.loads(one.mapping)
    mapper = compile_mapping(config["source"]["reference"], config["map"], Targets(FIELDS, TARGETS))
    tiers = frozenset({Tier.CORE, Tier.STRONG})
    way = Preparation(catalogue(), tiers, MarkingPlan.compile(config["marking"]), Settings("BE"))
    rows = csv.DictReader(io.StringIO(one.files["records.csv"].decode()))
    row = next(row for row in rows if row["REF"] == reference)
    return way.prepare(mapper({column: cells(value) for column, value in row.items()}), NOW)


def case_rows(scenario: Scenario, name: str) -> list[tuple[Cast, str]]:
    members = {one.id: one for one in scenario.members}
    case = next(case for case in scenario.cases if case.name == name)
    return [(members[agency], reference) for agency, reference in case.rows]


def test_without_a_time_nothing_is_added() -> None:
    plain = synthetic(60, 3)
    assert (plain.guests, plain.desk, plain.cases) == ((), None, ())
    assert plain.parties == plain.cast


def test_the_four_agencies_and_their_truth_stay_what_they_were(scenario: Scenario) -> None:
    plain = synthetic(60, 3)
    assert [one.id for one in scenario.cast] == [one.id for one in plain.cast]
    assert plain.truth < scenario.truth
    assert len(scenario.truth - plain.truth) == 3
    assert synthetic(60, 3, delicate_at=NOW) == scenario


def test_only_the_desk_is_a_director_and_only_the_register_may_not_read(scenario: Scenario) -> None:
    agencies = policy_data(scenario)["agencies.json"]
    assert isinstance(agencies, dict)
    assert scenario.desk is not None
    assert [name for name, row in agencies.items() if "director" in row["acts_as"]] == [scenario.desk.id]
    assert "write" not in agencies[scenario.desk.id]["rights"]
    assert [
        name
        for name, row in agencies.items()
        if "connector" in row["acts_as"] and "read" not in row["rights"]
    ] == ["carriers"]


@pytest.mark.parametrize(
    ("name", "embargoed", "handling"),
    [
        ("embargo", [True, False], [Handling.H0, Handling.H0]),
        ("handling", [False, False], [Handling.H2, Handling.H0]),
        ("query_right", [False, False], [Handling.H0, Handling.H0]),
    ],
)
def test_the_first_row_of_a_case_is_the_marked_one(
    scenario: Scenario, name: str, embargoed: list[bool], handling: list[Handling]
) -> None:
    ways = [prepared(one, reference) for one, reference in case_rows(scenario, name)]
    made = [way for way in ways if isinstance(way, Prepared)]
    assert [way.marking.embargoed for way in made] == embargoed
    assert [way.marking.handling for way in made] == handling
    first, second = ({key.value for key in way.keys} for way in made)
    assert first & second


def test_the_child_is_refused_and_nobody_else(scenario: Scenario) -> None:
    ((one, reference),) = case_rows(scenario, "child")
    way = prepared(one, reference)
    assert isinstance(way, Refused)
    assert [note.code for note in way.notes if note.fatal] == ["row_subject_under_12"]
