"""norm/1 against its vectors: two connectors must reach these forms byte for byte."""

import json
from pathlib import Path
from typing import Any

import pytest

from passerelle_connector.normalise import NORM_VERSION, NameQuality
from passerelle_connector.normalise.dates import Placeholder, partial_date
from passerelle_connector.normalise.identifiers import PARSERS, Context, Refused
from passerelle_connector.normalise.names import organisation_name, split_name, whole_name
from passerelle_connector.normalise.phonetic import skeleton
from passerelle_connector.normalise.text import latin

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "vectors" / "norm-1.json").read_text("utf-8")
)


def test_the_vectors_are_those_of_this_protocol() -> None:
    assert VECTORS["version"] == NORM_VERSION
    assert sum(len(cases) for cases in VECTORS.values() if isinstance(cases, list)) >= 700


@pytest.mark.parametrize("case", VECTORS["latin"], ids=lambda case: case["plain"])
def test_a_name_in_latin_letters_is_as_its_vector_says(case: dict[str, str]) -> None:
    assert latin(case["text"]) == (case["icao"], case["plain"])


@pytest.mark.parametrize("case", VECTORS["skeleton"], ids=lambda case: case["part"])
def test_a_phonetic_code_is_as_its_vector_says(case: dict[str, str]) -> None:
    assert skeleton(case["part"]) == case["code"]


@pytest.mark.parametrize("case", VECTORS["date"], ids=lambda case: case["text"])
def test_a_date_is_read_or_refused_as_its_vector_says(case: dict[str, str]) -> None:
    if "iso" in case:
        assert partial_date(case["text"]).iso() == case["iso"]
        return
    expected = Placeholder if case["refused"] == "row_value_placeholder" else ValueError
    with pytest.raises(expected):
        partial_date(case["text"])


@pytest.mark.parametrize("case", VECTORS["identifier"], ids=lambda case: f"{case['kind']}-{case['text']}")
def test_an_identifier_is_read_or_refused_as_its_vector_says(case: dict[str, str]) -> None:
    parse = PARSERS[case["kind"]][1]
    context = Context(case["region"], case["qualifier"])
    if "value" in case:
        assert parse(case["text"], context) == case["value"]
        return
    with pytest.raises(Refused) as caught:
        parse(case["text"], context)
    assert caught.value.code == case["refused"]


@pytest.mark.parametrize("case", VECTORS["person"], ids=lambda case: f"{case['family']}-{case['given']}")
def test_split_name(case: dict[str, Any]) -> None:
    form = split_name(case["family"], case["given"], case["middle"], NameQuality.PRIMARY)
    assert [list(form.family), list(form.given), list(form.middle), list(form.full)] == [
        case["families"],
        case["givens"],
        case["middles"],
        case["full"],
    ]


@pytest.mark.parametrize("case", VECTORS["whole"], ids=lambda case: case["text"])
def test_whole_name(case: dict[str, Any]) -> None:
    form = whole_name(case["text"], NameQuality.PRIMARY)
    assert (list(form.family), list(form.full), form.full_parts) == (
        case["families"],
        case["full"],
        case["parts"],
    )


@pytest.mark.parametrize("case", VECTORS["organisation"], ids=lambda case: case["text"])
def test_organisation_name(case: dict[str, Any]) -> None:
    assert list(organisation_name(case["text"], NameQuality.PRIMARY).full) == case["full"]
