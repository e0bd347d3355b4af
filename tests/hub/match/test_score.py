"""Scores: what evidence weighs, and what the hard rules make of it."""

import math
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerelle.catalogue import catalogue
from passerelle.errors import PasserelleError
from passerelle.groups import EntityKind
from passerelle.notification import Band, Relation
from passerelle_hub.match.evidence import ADDRESS, total
from passerelle_hub.match.population import Population
from passerelle_hub.match.score import CEILING, COMMONNESS, Score, SharedToken, Verdict, score
from passerelle_hub.match.weights import load, weights

PERSON, ORGANISATION, MEANS = EntityKind.PERSON, EntityKind.ORGANISATION, EntityKind.MEANS
TOWN = Population(10_000)
SPLIT = ("surname+given+birth", "given+birth", "surname~+birth", "surname3+birth", "given3+birth",
         "initials in any order+birth", "names in any order+birth two of three",
         "names in any order+birth year", "surname+given+birth year")  # fmt: skip
HOME = ("birth+postcode", "birth+street", "birth+locality3", "names in any order+locality3",
        "surname3+given3+postcode", "surname3+street+postcode digits", "given~+street+house number",
        "surname~+postcode digits+house number", "given3+locality+house number",
        "name part+street+house number")  # fmt: skip


def ids(*names: str) -> frozenset[int]:
    return frozenset(catalogue().named(name).id for name in names)


def judge(
    *shared: str,
    has: tuple[str, ...] = SPLIT,
    frequency: int = 2,
    agencies: int = 2,
    a: EntityKind = PERSON,
    b: EntityKind = PERSON,
    population: Population = TOWN,
) -> Score:
    tokens = [SharedToken(catalogue().named(name).id, frequency, agencies) for name in shared]
    kinds = ids(*has, *shared)
    return score(tokens, kinds, kinds, a, b, population)


def levels(result: Score) -> dict[str, str]:
    return {item.field: item.level for item in result.evidence}


def test_everything_agrees() -> None:
    result = judge(*SPLIT)
    assert (result.verdict, result.relation) == (Verdict.MATCH, Relation.SAME_PERSON)
    assert result.band is Band.VERY_STRONG
    assert levels(result) == {"surname": "exact", "given": "exact", "birth": "exact", "prior": ""}
    assert result.bits == pytest.approx(sum(item.bits for item in result.evidence), abs=0.01)
    assert result.probability == pytest.approx(1 / (1 + 2**-result.bits))


def test_the_strongest_level_counts_once() -> None:
    one = judge("surname+given+birth", has=("surname+given+birth",))
    many = judge(*SPLIT)
    assert one.bits == many.bits


def test_a_field_disagrees_only_where_a_token_would_have_told() -> None:
    comparable = judge("surname~+birth", "surname3+birth")
    assert levels(comparable)["given"] == "disagree"
    silent = judge("surname~+birth", "surname3+birth", has=("surname~+birth", "surname3+birth"))
    assert "given" not in levels(silent)
    assert total(comparable.evidence[:3]) < total(silent.evidence[:2])


def test_twins_are_a_candidate_at_most() -> None:
    twins = judge("surname~+birth", "surname3+birth", population=Population(100))
    assert (twins.verdict, twins.band) == (Verdict.CANDIDATE, Band.POSSIBLE)
    assert levels(twins)[CEILING] == ""
    assert twins.bits <= weights().kin["twins"]
    initial = judge(
        "surname~+birth", "surname3+birth", "initials in any order+birth", population=Population(10)
    )
    assert (initial.verdict, initial.band) == (Verdict.MATCH, Band.POSSIBLE)
    assert judge("surname~+birth", "number+birth", "national number").bits > 10


def test_surname_and_address_alone_are_nothing() -> None:
    shared = ("surname~+postcode digits+house number", "name part+street+house number")
    family = judge(*shared, has=(*SPLIT, *HOME), population=Population(10))
    assert (family.verdict, levels(family)["given"]) == (Verdict.NONE, "disagree")
    assert judge(*shared, has=HOME, population=Population(10)).verdict is Verdict.NONE


def test_father_and_son_of_one_name_are_a_candidate() -> None:
    at_home = [kind for kind in HOME if not kind.startswith("birth")]
    shared = (*at_home, "name part+street+house number")
    result = judge(*shared, has=(*SPLIT, *HOME), population=Population(10))
    assert (result.verdict, levels(result)["birth"]) == (Verdict.CANDIDATE, "disagree")
    assert result.bits <= weights().kin["namesakes"]


def test_what_kin_do_not_share_either_counts_beneath_their_ceiling() -> None:
    at_home = [kind for kind in HOME if not kind.startswith("birth")]
    shared = (*at_home, "name part+street+house number")
    alike = judge(*shared, has=(*SPLIT, *HOME), population=Population(10))
    other = judge(*shared, has=(*SPLIT, *HOME, "national number"), population=Population(10))
    assert (levels(other)["number"], other.verdict) == ("disagree", Verdict.NONE)
    assert other.bits == pytest.approx(alike.bits + weights().fields["number"]["disagree"], abs=0.01)
    twins, crowd = (
        judge("surname~+birth", "surname3+birth", frequency=frequency, population=Population(10))
        for frequency in (2, 4)
    )
    assert crowd.bits == pytest.approx(twins.bits - weights().doubling, abs=0.01)


def test_names_that_come_unsplit_are_weighed_by_what_can_be_told_of_them() -> None:
    unsplit = ("initials in any order+birth", "names in any order+birth two of three")
    table = weights()
    found = judge("initials in any order+birth", has=unsplit)
    bits = {row.field: row.bits for row in found.evidence}
    assert bits["surname"] == table.merged("surname", ("initial", "first3", "phonetic"))
    assert table.fields["surname"]["initial"] < bits["surname"] < table.fields["surname"]["phonetic"]
    assert found.verdict in {Verdict.NONE, Verdict.CANDIDATE}
    split = judge("initials in any order+birth", has=(*unsplit, "given3+birth"))
    assert {row.field: row.bits for row in split.evidence}["given"] == table.fields["given"]["initial"]
    whole = judge("names in any order+birth two of three", has=unsplit)
    assert whole.bits > judge("names in any order+birth two of three").bits + 1


def test_an_address_rescues_names_written_wrongly() -> None:
    shared = ("birth+postcode", "birth+street", "birth+locality3")
    alone = judge("initials in any order+birth", has=SPLIT)
    housed = judge("initials in any order+birth", *shared, has=(*SPLIT, *HOME))
    assert housed.bits > alone.bits + 5
    assert housed.bits - total(row for row in housed.evidence if row.field not in ADDRESS) <= 12.0 + 25


def test_one_home_gives_no_more_than_its_ceiling() -> None:
    with_home = judge(*SPLIT, *HOME, has=(*SPLIT, *HOME))
    without = judge(*SPLIT)
    assert with_home.bits - without.bits == pytest.approx(weights().home, abs=0.01)


def test_who_moved_differs_in_every_part_but_one_counts() -> None:
    moved = judge(*SPLIT, has=(*SPLIT, *HOME))
    parts = [row for row in moved.evidence if row.field in ADDRESS]
    assert [row.level for row in parts] == ["disagree"]


def test_two_parts_of_a_name_in_any_place_are_both_names() -> None:
    part = "name part+street+house number"
    both = judge(part, part, has=HOME)
    assert levels(both)["name_part"] == "both"
    assert "surname" not in levels(both)
    one = judge(part, has=HOME)
    assert one.bits < both.bits


def test_namesakes_of_one_household_share_a_phone_and_stay_apart() -> None:
    shared = ("surname+given+sex", "phone")
    father_and_son = judge(*shared, has=(*SPLIT, *shared))
    assert father_and_son.relation is Relation.SHARED_MEANS
    assert father_and_son.verdict is Verdict.MATCH


def test_names_and_phone_are_enough_where_a_birth_date_is_missing() -> None:
    shared = ("surname+given+sex", "phone")
    result = judge(*shared, has=shared)
    assert (result.verdict, result.relation) == (Verdict.MATCH, Relation.SAME_PERSON)


def test_names_alone_are_a_candidate_at_most() -> None:
    result = judge("whole name", "whole name~", has=(), population=Population(2_000))
    assert (result.verdict, result.band) == (Verdict.CANDIDATE, Band.POSSIBLE)
    assert judge("surname+given+sex", has=(), population=Population(2_000)).verdict is not Verdict.MATCH


def test_of_several_namesakes_none_is_a_candidate() -> None:
    assert judge("whole name", has=(), frequency=3).verdict is Verdict.NONE
    spread = judge("whole name", has=(), frequency=4, agencies=4, population=Population(2_000))
    assert spread.verdict is Verdict.CANDIDATE


def test_a_number_without_names_is_a_candidate_and_says_why() -> None:
    result = judge(
        "national number", has=("national number", "number+surname3", "number+given3", "number+birth")
    )
    assert result.verdict is Verdict.CANDIDATE
    full = judge("national number", "number+surname3", "number+birth")
    assert (full.verdict, full.band) == (Verdict.MATCH, Band.VERY_STRONG)


def test_an_organisation_is_matched_by_number_or_name_with_locality_and_by_name_alone_never() -> None:
    number = judge("enterprise number", has=(), a=ORGANISATION, b=ORGANISATION)
    assert (number.verdict, number.relation) == (Verdict.MATCH, Relation.SAME_ORGANISATION)
    name = judge("organisation name", has=(), a=ORGANISATION, b=ORGANISATION, population=Population(2_000))
    assert (name.verdict, name.band) == (Verdict.CANDIDATE, Band.POSSIBLE)
    both = judge("organisation name+locality", has=(), a=ORGANISATION, b=ORGANISATION)
    assert both.verdict is Verdict.MATCH


@pytest.mark.parametrize(
    ("a", "b"), [(PERSON, MEANS), (MEANS, MEANS), (PERSON, ORGANISATION), (PERSON, PERSON)]
)
def test_a_shared_identifier_is_a_tie_of_its_own(a: EntityKind, b: EntityKind) -> None:
    result = judge("plate", has=(), a=a, b=b)
    assert (result.verdict, result.relation) == (Verdict.MATCH, Relation.SHARED_MEANS)
    assert result.band is Band.STRONG


def test_an_ip_address_alone_is_a_candidate_and_a_common_phone_is_nothing() -> None:
    assert judge("IP address", has=(), a=MEANS, b=MEANS).verdict is Verdict.CANDIDATE
    common = judge("phone", has=(), frequency=64)
    assert (common.verdict, levels(common)[COMMONNESS]) == (Verdict.NONE, "")


def test_nothing_shared_is_nothing() -> None:
    assert judge(has=(), a=PERSON, b=MEANS).verdict is Verdict.NONE
    assert judge(has=()).verdict is Verdict.NONE


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(PasserelleError, match="key_kind_unknown"):
        score([SharedToken(4711, 2)], frozenset({4711}), frozenset({4711}), PERSON, PERSON, TOWN)


kinds = st.sampled_from(sorted(catalogue().kinds))


@given(st.sets(kinds, min_size=1), st.sets(kinds), st.sampled_from(EntityKind), st.sampled_from(EntityKind))
def test_rules_hold_for_any_evidence(shared: set[int], more: set[int], a: EntityKind, b: EntityKind) -> None:
    tokens = [SharedToken(kind, 2) for kind in sorted(shared)]
    held = frozenset(shared | more)
    result = score(tokens, held, held, a, b, TOWN)
    mirrored = score(tokens, held, held, b, a, TOWN)
    assert (result.bits, result.verdict, result.relation) == (
        mirrored.bits,
        mirrored.verdict,
        mirrored.relation,
    )
    assert result.bits == pytest.approx(sum(item.bits for item in result.evidence), abs=0.05)
    proven = {proof.field for kind in shared for proof in catalogue().kind(kind).proves}
    if result.verdict is Verdict.MATCH and result.relation is Relation.SAME_PERSON:
        assert proven & {"birth", "number", "document", "phone", "account", "email"}
        names = proven & {"surname", "given", "birth"}
        assert len(names) + 2 * ("full_name" in proven) + ("name_part" in proven) >= 2
    if result.verdict is Verdict.CANDIDATE and result.relation is not Relation.SHARED_MEANS:
        assert result.band is Band.POSSIBLE
    assert (result.band is Band.WEAK) <= (result.verdict is Verdict.NONE)


@given(st.integers(2, 1_000), st.integers(2, 1_000))
def test_commoner_never_scores_higher(low: int, high: int) -> None:
    low, high = sorted((low, high))
    assert judge(*SPLIT, frequency=high).bits <= judge(*SPLIT, frequency=low).bits


def test_the_table_covers_every_level_of_the_catalogue() -> None:
    table = weights()
    for kind in catalogue().kinds.values():
        for proof in kind.proves:
            assert proof.level in table.fields[proof.field]
    for levels_of in table.fields.values():
        assert levels_of.get("disagree", -math.inf) < 0 < max(levels_of.values())


@pytest.mark.parametrize(
    ("old", "new"),
    [('"weights/1"', '"weights/2"'), ("m = 0.590", "m = 1.590"), ("strong = 5.0", "strong = 50.0")],
)
def test_an_unusable_table_is_refused(old: str, new: str) -> None:
    text = (resources.files("passerelle_hub.match") / "weights-1.toml").read_text("utf-8")
    assert old in text
    with pytest.raises(PasserelleError, match="weights_invalid"):
        load(text.replace(old, new))


def test_two_records_of_one_house_are_tied_by_it_and_no_more() -> None:
    kinds = frozenset({catalogue().named("address").id})
    shared = [SharedToken(next(iter(kinds)), 2)]
    means = EntityKind.MEANS
    found = score(shared, kinds, kinds, means, means, Population(1_000))
    assert (found.relation, found.verdict) == (Relation.SHARED_MEANS, Verdict.MATCH)
    assert found.band is Band.STRONG
