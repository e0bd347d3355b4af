"""What holds for every input: canonical forms are stable, plain ASCII, and nothing raises."""

import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from passerelle.errors import table
from passerelle_connector.normalise import FIELDS, NameQuality, normalise
from passerelle_connector.normalise.checksums import keccak256
from passerelle_connector.normalise.identifiers import PARSERS, Context, Refused
from passerelle_connector.normalise.names import organisation_name, whole_name
from passerelle_connector.normalise.phonetic import skeleton
from passerelle_connector.normalise.text import latin

CANONICAL = re.compile(r"([A-Z0-9]+( [A-Z0-9]+)*)?")
scripts = st.text(
    st.characters(codec="utf-8", categories=("L", "M", "N", "P", "Zs")) | st.sampled_from("äßØЩюΩΟΥعبدالי"),
    max_size=40,
)


@given(scripts)
def test_transliteration_gives_capitals_and_is_idempotent(text: str) -> None:
    for form in latin(text):
        assert CANONICAL.fullmatch(form)
        assert latin(form) == (form, form)


@given(scripts)
def test_names_do_not_depend_on_case_order_or_spacing(text: str) -> None:
    plain = latin(text)[1]
    parts = plain.split()
    form = whole_name(plain, NameQuality.PRIMARY)
    assert form == whole_name(f"  {plain.lower()} ".replace(" ", "   "), NameQuality.PRIMARY)
    assert form.full == tuple(" ".join(sorted(full.split())) for full in form.full)
    organisation = organisation_name(plain, NameQuality.PRIMARY)
    assert organisation.full == organisation_name(" ".join(reversed(parts)), NameQuality.PRIMARY).full


@given(st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=1, max_size=20))
def test_the_phonetic_code_is_short_and_ignores_doubled_letters(part: str) -> None:
    code = skeleton(part)
    assert re.fullmatch(r"[PFTKSJLMNRHA0-9]*", code)
    assert len(code) <= 2 * len(part)
    assert code == skeleton(part.replace("L", "LL"))


@given(st.sampled_from(sorted(PARSERS)), st.text(max_size=45), st.sampled_from(["", "BE", "FR", "telegram"]))
def test_an_identifier_is_canonical_or_refused_with_a_code(kind: str, text: str, qualifier: str) -> None:
    parse = PARSERS[kind][1]
    try:
        value = parse(text, Context("BE", qualifier))
    except Refused as refusal:
        assert refusal.code in table()
        assert str(refusal) == refusal.code
    else:
        assert value == value.strip() != ""


values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | scripts,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "number", "state"]), inner)
    ),
    max_leaves=4,
)


@given(st.dictionaries(st.sampled_from(sorted(FIELDS)) | st.just("unknown"), values, max_size=6))
def test_no_row_raises_and_the_same_row_says_the_same(row: dict[str, Any]) -> None:
    result = normalise(row)
    assert result == normalise(row)
    assert {problem.code for problem in result.problems} <= table().keys()
    assert {problem.field for problem in result.problems} <= row.keys() | FIELDS | {""}
    assert result.rejected or result.subject.names or result.subject.identifiers


def test_keccak_is_the_original_one() -> None:
    assert keccak256(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    assert keccak256(b"a" * 200).hex() == keccak256(bytes([0x61]) * 200).hex()
    assert keccak256(b"abc").hex() == "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"
