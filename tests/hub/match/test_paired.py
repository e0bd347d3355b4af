"""What pairs show of a population: how many match, whether families are among them; what follows from it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from passerelle.chances import FAMILY, Chance, encode_chances
from passerelle_hub.match import kin
from passerelle_hub.match.paired import Paired, beside, compared, rarer_alone
from passerelle_hub.match.population import Population
from passerelle_hub.match.weights import weights

HOME = {"street": "start", "house_number": "exact", "postcode": "exact"}
APART = {"given": "disagree", "birth": "disagree"}


@pytest.mark.parametrize(
    ("levels", "shown"),
    [
        ({"given": "exact", "birth": "exact"}, Paired(alike=1)),
        ({"given": "phonetic", "birth": "two_of_three"}, Paired(alike=1)),
        (APART, Paired(apart=1)),
        ({"given": "exact", "birth": "disagree"}, Paired()),  # a son named as his father, or an error
        ({"given": "disagree", "birth": "exact"}, Paired()),  # a twin, or an error
        ({"given": "disagree"}, Paired()),
        ({"birth": "exact"}, Paired()),
        ({"given": "initial", "birth": "disagree"}, Paired()),
        ({"given": "exact", "birth": "year"}, Paired()),
    ],
)
def test_a_pair_at_one_home_is_one_person_or_a_family_or_says_nothing(
    levels: dict[str, str], shown: Paired
) -> None:
    assert beside({"surname": "phonetic", **HOME, **levels}) == shown
    assert beside({"surname": "disagree", **HOME, **levels}) == Paired()
    assert beside({"surname": "exact", "street": "start", **levels}) == Paired()


def test_little_data_change_nothing_and_families_are_believed_sooner_than_their_absence() -> None:
    assert Paired().rarer == 0
    assert Paired(alike=15).rarer == 0
    assert Paired(alike=447, apart=775).rarer == 0
    assert Paired(alike=3339, apart=14).rarer == 6
    assert Paired(alike=10**9).rarer == 8
    for alike in (0, 100, 5_000):
        rarer = [Paired(alike=alike, apart=apart).rarer for apart in range(0, 200, 10)]
        assert rarer == sorted(rarer, reverse=True)


def test_the_share_is_a_power_of_two_within_bounds() -> None:
    assert Paired().share == 0.5
    assert Paired(10_000, 5_000).share == 1.0
    assert Paired(10_000, 0).share == 2.0**-6
    assert Paired(1_000, 100_000).share == 4.0


def test_an_agencys_own_records_are_no_comparison() -> None:
    assert compared([]) == 1
    assert compared([500]) == 1
    assert compared([4_096, 4_096]) == 4_096
    assert compared([1] * 5_000) == 4_096


def said(*chances: float) -> tuple[bytes, ...]:
    return tuple(encode_chances([Chance.rounded(*FAMILY, one)]) for one in chances)


def test_own_records_say_how_rare_families_are_and_who_has_most_is_believed() -> None:
    assert rarer_alone(said(2.0**-18), 4_096, 1.0) == 6
    assert rarer_alone(said(2.0**-18, 2.0**-18), 4_096, 1.0) == 6
    assert rarer_alone(said(2.0**-18, 2.0**-12), 4_096, 1.0) == 0
    assert rarer_alone(said(2.0**-18), 4_096, 0.25) == 4
    assert rarer_alone(said(2.0**-18), 1 << 24, 1.0) == 0
    assert rarer_alone(said(2.0**-40), 64, 1.0) == 8


def test_who_measured_no_families_says_nothing_of_them() -> None:
    assert rarer_alone((), 4_096, 1.0) == 0
    assert rarer_alone((encode_chances([Chance("birth", "exact", 30)]), b""), 4_096, 1.0) == 0


def test_a_population_takes_both_measures_and_what_its_data_say() -> None:
    shown = Paired(5_000, 2_500, 3_339, 14)
    town = Population(4_096, stated=said(2.0**-18), no_households=None).measured(shown)
    assert (town.rarer, town.alone, town.home_bits) == (6, 6, 6)
    assert replace(town, alone=2).home_bits == replace(town, rarer=2).home_bits == 2
    assert replace(town, alone=0, no_households=True).home_bits == 6
    assert replace(town, no_households=False).home_bits == 0
    assert Population(4_096, stated=said(2.0**-18)).measured(shown).home_bits == 0  # as queries are scored


def test_each_ceiling_rises_by_what_was_measured_for_it() -> None:
    table = weights()
    family = {"surname": "exact", **HOME, **APART}
    assert kin.relation(family) == "family"
    assert kin.ceiling(family, table, 6, 6, 0) == table.kin["family"]
    assert kin.ceiling(family, table, 6, 6, 5) == table.kin["family"] + 5
    assert (
        kin.ceiling({"surname": "exact", "street": "start", **APART}, table, 6, 6, 5) == table.kin["family"]
    )
    twins = {"surname": "exact", "given": "disagree", "birth": "exact"}
    assert kin.ceiling(twins, table, 6, 0, 0) == table.kin["twins"]
    assert kin.ceiling(twins, table, 0, 5, 0) == table.kin["twins"] + 5
    assert kin.ceiling(twins | HOME, table, 6, 0, 0) == table.kin["twins"] + 6
    namesakes = {"surname": "exact", "given": "exact", "birth": "disagree", **HOME}
    assert kin.ceiling(namesakes, table, 6, 8, 8) == table.kin["namesakes"] + 6
    assert kin.relation(family | {"number": "exact"}) == ""
