"""Padding: counts say little, dummies are stable and nobody else's."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from passerelle.catalogue import catalogue
from passerelle_connector.padding import pad

PERSON = catalogue().named("surname+given+birth")
TOKENS = st.lists(st.binary(min_size=16, max_size=16), unique=True, min_size=1, max_size=PERSON.max_values)


def counts(kinds: tuple[int, ...]) -> dict[int, int]:
    return {kind: kinds.count(kind) for kind in kinds}


@given(TOKENS)
def test_a_present_kind_shows_its_padded_count(tokens: list[bytes]) -> None:
    kinds, packed = pad(catalogue(), b"s" * 32, b"r" * 16, "p", [(PERSON.id, token) for token in tokens])
    assert counts(kinds) == {PERSON.id: PERSON.padded(len(tokens))}
    shown = [packed[at : at + 16] for at in range(0, len(packed), 16)]
    assert shown == sorted(shown) and set(tokens) <= set(shown)
    assert len(set(shown)) == len(kinds)


def test_an_absent_kind_stays_absent() -> None:
    assert pad(catalogue(), b"s" * 32, b"r" * 16, "p", []) == ((), b"")


def test_dummies_are_the_records_own_and_stay() -> None:
    tokens = [(PERSON.id, bytes([at]) * 16) for at in range(3)]
    first = pad(catalogue(), b"s" * 32, b"r" * 16, "p", tokens)
    assert first == pad(catalogue(), b"s" * 32, b"r" * 16, "p", reversed(tokens))
    real = b"".join(token for _, token in tokens)
    for other in (
        pad(catalogue(), b"s" * 32, b"q" * 16, "p", tokens),
        pad(catalogue(), b"t" * 32, b"r" * 16, "p", tokens),
        pad(catalogue(), b"s" * 32, b"r" * 16, "q", tokens),
    ):
        shared = {first[1][at : at + 16] for at in range(0, 64, 16)} & {
            other[1][at : at + 16] for at in range(0, 64, 16)
        }
        assert b"".join(sorted(shared)) == real
