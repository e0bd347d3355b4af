"""The canonical encoding has one reading, and never changes."""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerelle.canonical import Part, digest, encode

PARTS = st.recursive(
    st.binary(max_size=6) | st.text(max_size=6) | st.integers(-(2**70), 2**70),
    lambda inner: st.lists(inner, max_size=3).map(tuple),
    max_leaves=8,
)


@given(st.lists(PARTS, max_size=4), st.lists(PARTS, max_size=4))
def test_different_parts_never_share_an_encoding(one: list[Part], other: list[Part]) -> None:
    assert (encode(*one) == encode(*other)) == (one == other)


def test_the_encoding_is_fixed() -> None:
    text = encode(b"\x01", "é", -1, (2, ""))
    assert text.hex() == (
        "62" "0000000000000001" "01"
        "73" "0000000000000002" "c3a9"
        "69" "0000000000000001" "ff"
        "74" "0000000000000013" "69" "0000000000000001" "02" "73" "0000000000000000"
    )  # fmt: skip


def test_nothing_moves_between_neighbours() -> None:
    assert encode("ab", "c") != encode("a", "bc")
    assert encode(("a", "b")) != encode("a", "b")
    assert encode(b"a") != encode("a")
    assert encode(0) != encode("") != encode(())


def test_enumerations_of_text_count_as_their_text() -> None:
    class Colour(StrEnum):
        RED = "red"

    assert encode(Colour.RED) == encode("red")


@pytest.mark.parametrize("part", [True, None, 1.5, ["a"], bytearray(b"a")])
def test_other_types_are_refused(part: object) -> None:
    with pytest.raises(TypeError, match="no canonical encoding"):
        encode("use", cast("Part", part))


def test_digest_is_the_hash_of_the_encoding() -> None:
    assert digest("passerelle/use/1", 7) == hashlib.sha256(encode("passerelle/use/1", 7)).digest()
    assert digest("passerelle/use/1", 7) != digest("passerelle/use/2", 7)
