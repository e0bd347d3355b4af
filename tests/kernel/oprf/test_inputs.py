"""Inputs: every part counts, and no two parts can trade bytes."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passerelle.errors import PasserelleError
from passerelle.oprf.inputs import oprf_input, token

parts = st.tuples(
    st.text(max_size=8),
    st.integers(0, 2**31),
    st.integers(0, 2**31),
    st.text(max_size=8),
    st.binary(min_size=1, max_size=8),
)


@settings(deadline=None)
@given(parts, parts)
def test_different_parts_give_different_inputs(
    left: tuple[str, int, int, str, bytes], right: tuple[str, int, int, str, bytes]
) -> None:
    assert (oprf_input(*left) == oprf_input(*right)) is (left == right)


def test_bytes_cannot_move_between_parts() -> None:
    variants = [
        oprf_input("ab", 1, 2, "norm/1", b"c"),
        oprf_input("a", 1, 2, "bnorm/1", b"c"),
        oprf_input("ab", 12, 2, "norm/1", b"c"),
        oprf_input("ab", 1, 2, "norm/", b"1c"),
    ]
    assert all(left != right for left, right in combinations(variants, 2))


def test_the_encoding_is_frozen() -> None:
    """Tokens of one epoch must stay what they are; a change here needs another label and epoch."""
    assert oprf_input("demo", 3, 102, "norm/1", b"+32470123456").hex() == FROZEN


FROZEN = (
    "730000000000000017706173736572656c6c652f6f7072662d696e7075742f3173000000000000000464656d6f690000"
    "00000000000103690000000000000001667300000000000000066e6f726d2f3162000000000000000c2b333234373031"
    "3233343536"
)


@pytest.mark.parametrize("value", [b"", b"x" * 65536], ids=["empty", "too long"])
def test_values_that_are_refused(value: bytes) -> None:
    with pytest.raises(PasserelleError, match="oprf_input_invalid"):
        oprf_input("demo", 1, 1, "norm/1", value)


def test_a_token_is_the_head_of_an_output() -> None:
    output = bytes(range(64))
    assert token(output) == output[:16]
    with pytest.raises(ValueError, match="64 bytes"):
        token(output[:32])
