"""From a canonical row to a subject, and what a row is told when it is wrong."""

from typing import Any

import pytest

from passerelle.groups import EntityKind, Group
from passerelle_connector.normalise import Identifier, NameQuality, PartialDate, Problem, Severity, normalise

FULL: dict[str, Any] = {
    "family_name": "Van den Berghe",
    "given_name": "Jan",
    "middle_name": "Karel",
    "born": "1985-07-30",
    "sex": "M",
    "national_number": "85.07.30-033.28",
    "phone": ["0470 12 34 56", "0470 12 34 57"],
    "passport": {"number": "EL123456", "state": "BE"},
    "nationality": ["BE", "Maroc"],
    "street": "Kerkstraat",
    "house_number": "12",
    "postcode": "9000",
    "locality": "Gent",
    "country": "Belgique",
}


def codes(row: dict[str, Any]) -> set[tuple[str, str]]:
    return {(problem.code, problem.field) for problem in normalise(row).problems}


def test_a_full_row() -> None:
    result = normalise(FULL)
    subject = result.subject
    assert result.problems == ()
    assert subject.entity is EntityKind.PERSON
    assert subject.names[0].family == ("BERGHE", "VANDENBERGHE")
    assert subject.births == (PartialDate(1985, 7, 30),)
    assert subject.sex == "M"
    assert subject.nationalities == ("BEL", "MAR")
    assert subject.addresses[0].country == "BEL"
    assert Identifier(Group.DOCUMENT, "document", "BEL:EL123456") in subject.identifiers
    assert [item.value for item in subject.identifiers if item.kind == "phone"] == [
        "+32470123456",
        "+32470123457",
    ]


def test_aliases_and_qualities() -> None:
    names = [
        {"name": "Jan Peeters", "quality": "primary"},
        {"name": "Jef", "quality": "weak"},
        {"name": "X Y", "quality": "?"},
    ]
    result = normalise({"names": names, "aliases": ["Peeters, Jean", {"family": "Peters", "given": "John"}]})
    qualities = [form.quality for form in result.subject.names]
    assert qualities == [
        NameQuality.PRIMARY,
        NameQuality.WEAK,
        NameQuality.WEAK,
        NameQuality.ALIAS,
        NameQuality.ALIAS,
    ]
    assert result.subject.names[3].family == ("PEETERS",)
    assert result.problems == (Problem("row_name_quality_unknown", "names", Severity.WARN),)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"born": "31/12/1980"}, ("row_date_invalid", "born")),
        ({"born": "1900-01-01"}, ("row_value_placeholder", "born")),
        ({"national_number": "85.07.30-033.29"}, ("row_check_digit_wrong", "national_number")),
        ({"phone": "0000000000"}, ("row_value_placeholder", "phone")),
        ({"phone": 32470123456.0}, ("row_value_type", "phone")),
        ({"email": "nobody"}, ("row_identifier_invalid", "email")),
        ({"passport": "EL123456"}, ("row_document_state_missing", "passport")),
        ({"sex": "yes"}, ("row_sex_unknown", "sex")),
        ({"nationality": "Atlantis"}, ("row_country_unknown", "nationality")),
        ({"given_name": "onbekend"}, ("row_name_incomplete", "given_name")),
        ({"shoe_size": "42"}, ("row_unknown_column", "shoe_size")),
        ({"phone": ["0470123456"] * 65}, ("row_too_many_values", "phone")),
    ],
)
def test_a_bad_value_is_reported_and_left_out(change: dict[str, Any], expected: tuple[str, str]) -> None:
    row = FULL | change
    assert expected in codes(row)
    assert not normalise(row).rejected


def test_a_wrong_check_digit_is_never_an_identifier() -> None:
    subject = normalise(FULL | {"national_number": "85.07.30-033.29"}).subject
    assert not [item for item in subject.identifiers if item.kind == "national number"]


@pytest.mark.parametrize(
    "row", [{}, {"phone": "unknown"}, {"entity": "means", "full_name": "Sea Star"}, {"born": "1980"}]
)
def test_a_row_without_anything_to_match_is_rejected(row: dict[str, Any]) -> None:
    assert ("row_no_identifier", "") in codes(row)
    assert normalise(row).rejected


def test_an_unknown_entity_is_rejected() -> None:
    assert normalise({"entity": "ghost", "full_name": "Jan Peeters"}).rejected


@pytest.mark.parametrize(
    ("row", "entity"),
    [
        ({"organisation_name": "Rahat Ltd"}, EntityKind.ORGANISATION),
        ({"enterprise_number": "0403019261"}, EntityKind.ORGANISATION),
        ({"plate": "1-ABC-123"}, EntityKind.MEANS),
        ({"names": ["Jan Peeters"]}, EntityKind.PERSON),
        ({"entity": "organisation", "names": ["Rahat Ltd"]}, EntityKind.ORGANISATION),
    ],
)
def test_the_kind_of_entity_follows_from_the_fields(row: dict[str, Any], entity: EntityKind) -> None:
    assert normalise(row).subject.entity is entity


def test_the_national_number_fills_what_the_row_leaves_out() -> None:
    row = {"family_name": "Peeters", "given_name": "Jan", "national_number": "85073003328"}
    assert normalise(row).subject.births == (PartialDate(1985, 7, 30),)
    assert normalise(row).subject.sex == "M"
    assert normalise(row | {"born": "1985"}).subject.births == (PartialDate(1985, 7, 30),)
    assert normalise(row | {"born": "1986"}).subject.births == (PartialDate(1986),)
    assert normalise(row | {"born": "1985-07-31"}).subject.births == (PartialDate(1985, 7, 31),)


def test_no_problem_holds_a_value() -> None:
    value = "0412-CONTENT"
    rows = [FULL | {name: value} for name in FULL]
    texts = [repr(problem) for row in rows for problem in normalise(row).problems]
    assert texts
    assert not any("CONTENT" in text for text in texts)
