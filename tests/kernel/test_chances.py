"""Measured chances: rounded, bounded, and refused where they are not what they should be."""

from __future__ import annotations

import pytest

from passerelle.chances import Chance, decode_chances, encode_chances
from passerelle.errors import PasserelleError


def test_a_chance_is_rounded_to_a_power_of_the_root_of_two() -> None:
    assert Chance.rounded("sex", "exact", 0.5) == Chance("sex", "exact", 2)
    assert Chance.rounded("sex", "exact", 1.0).value == 1.0
    assert Chance.rounded("birth", "exact", 0.00005).value == pytest.approx(0.00005, rel=0.2)
    assert Chance.rounded("birth", "exact", 1e-300).halves == 80


def test_bytes_and_back() -> None:
    chances = (Chance("birth", "exact", 28), Chance("sex", "exact", 2))
    assert decode_chances(encode_chances(reversed(chances))) == chances
    assert (encode_chances(()), decode_chances(b"")) == (b"", ())


@pytest.mark.parametrize(
    "raw",
    [
        b"{}x",
        b"7",
        b"[1]",
        b'[["sex","exact"]]',
        b'[["sex","exact",true]]',
        b'[["sex","exact",-1]]',
        b'[["sex","exact",81]]',
        b'[["Sex name","exact",1]]',
        b'[["sex",1,1]]',
        b'[["sex","exact",1],["sex","exact",2]]',
        b"[" * 3000,
        b" " * 4097,
        b"\xff",
    ],
)
def test_anything_else_is_refused(raw: bytes) -> None:
    with pytest.raises(PasserelleError, match="message_malformed"):
        decode_chances(raw)
