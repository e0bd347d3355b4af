"""What pairs show of a population: how many match, whether families are among them; what follows from it."""

from __future__ import annotations

import pytest

from passerelle_hub.match import kin
from passerelle_hub.match.paired import Paired, beside, compared
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


def test_ceilings_rise_at_home_alone_and_that_of_surname_and_home_by_policy_alone() -> None:
    table = weights()
    family = {"surname": "exact", **HOME, **APART}
    assert kin.relation(family) == "family"
    assert kin.ceiling(family, table, 6, households=True) == table.kin["family"]
    assert kin.ceiling(family, table, 6, households=False) == table.kin["family"] + 6
    twins = {"surname": "exact", "given": "disagree", "birth": "exact"}
    for households in (True, False):
        assert kin.ceiling(twins, table, 6, households=households) == table.kin["twins"]
        assert kin.ceiling(twins | HOME, table, 6, households=households) == table.kin["twins"] + 6
    assert kin.relation(family | {"number": "exact"}) == ""
