"""Likeness of fields, and what a closer look changes in a score."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from passerelle.catalogue import catalogue
from passerelle.errors import PasserelleError
from passerelle.groups import EntityKind
from passerelle.notification import Band
from passerelle_hub.match.closer import closer_table, levels, load
from passerelle_hub.match.population import Population
from passerelle_hub.match.score import Score, SharedToken, Verdict, score

EXACT = {"surname": "exact", "birth": "exact"}


def scored(names: tuple[str, ...], have: tuple[str, ...], compared: Mapping[str, str] | None) -> Score:
    kinds = frozenset(catalogue().named(name).id for name in (*names, *have))
    shared = [SharedToken(catalogue().named(name).id, 2) for name in names]
    return score(shared, kinds, kinds, EntityKind.PERSON, EntityKind.PERSON, Population(10_000), compared)


def twins(compared: Mapping[str, str] | None) -> Score:
    """Surname and birth date agree; given names that could, do not."""
    return scored(("surname3+birth", "surname~+birth"), ("given+birth", "given3+birth"), compared)


def family(compared: Mapping[str, str] | None) -> Score:
    return scored(("surname~+postcode digits+house number",), ("given+birth",), compared)


def test_levels_follow_the_dice_coefficient() -> None:
    table = closer_table()
    one = {"given": "abcde", "surname": "abcde", "birth": "12345678"}
    other = {"given": "abcdx", "surname": "vwxyz", "birth": "12345690", "street": "ab"}
    assert levels(one, other, table) == {"given": "close", "surname": "disagree", "birth": "close"}
    assert levels(one, one, table) == dict.fromkeys(one, "exact")
    assert levels({"given": ""}, {"given": "ab"}, table) == {}


def test_a_given_name_that_is_close_tells_one_person_from_twins() -> None:
    assert twins(None).verdict is Verdict.CANDIDATE
    assert twins(EXACT | {"given": "close"}).verdict is Verdict.MATCH
    assert twins(EXACT | {"given": "close"}).band is Band.VERY_STRONG


@pytest.mark.parametrize("given", ["disagree", "similar"])
def test_a_given_name_that_is_not_close_leaves_twins(given: str) -> None:
    assert twins(EXACT | {"given": given}).verdict is not Verdict.MATCH or given == "similar"
    assert twins(EXACT | {"given": given}).bits <= 3


def test_a_family_stays_nothing_unless_given_name_or_birth_date_agree() -> None:
    home = {"surname": "exact", "postcode": "exact", "house_number": "exact", "street": "exact"}
    assert family(home | {"given": "disagree", "birth": "disagree"}).verdict is Verdict.NONE
    assert family(home | {"given": "similar", "birth": "close"}).verdict is Verdict.NONE
    assert family(home | {"given": "exact", "birth": "disagree"}).verdict is not Verdict.MATCH
    assert family(home | {"given": "close", "birth": "exact"}).verdict is Verdict.MATCH


def test_a_shared_token_that_proves_more_stays() -> None:
    compared = EXACT | {"given": "close"}
    looked = scored(("surname+given+birth",), (), compared)
    plain = scored(("surname+given+birth",), (), None)
    levels_of = {row.field: row.level for row in looked.evidence}
    assert levels_of["given"] == "exact"
    assert looked.verdict is plain.verdict is Verdict.MATCH


def test_nothing_compared_changes_nothing() -> None:
    assert twins({}) == twins(None)


def test_a_table_of_another_version_is_refused() -> None:
    with pytest.raises(PasserelleError, match="weights_invalid"):
        load('version = "closer/2"')


def test_every_field_and_level_has_bits() -> None:
    table = closer_table()
    for field, floors in table.floors.items():
        assert {name for name, _ in floors} == table.bits[field].keys()
        assert [floor for _, floor in floors] == sorted((floor for _, floor in floors), reverse=True)
        assert table.bits[field]["exact"] > 0 > table.bits[field]["disagree"]
