"""What the batch signature covers: nothing can be stripped, added, moved or exchanged."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerelle.batch import batch_root, header_paths, recipient_digest, token_commitment, verify_header
from passerelle.errors import PasserelleError
from passerelle.record import KekWrap

VECTOR: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "envelope-1.json").read_text("utf-8")
)
SALT = bytes(range(32))
KEKS = (KekWrap("police", bytes(32), b"one"), KekWrap("coast-guard", b"\x01" * 32, b"two"))


@given(st.lists(st.binary(min_size=1, max_size=20), min_size=1, max_size=30))
def test_every_header_is_verifiable_alone(headers: list[bytes]) -> None:
    root = batch_root(headers)
    paths = header_paths(headers)
    for at, (header, path) in enumerate(zip(headers, paths, strict=True)):
        verify_header(header, at, len(headers), path, root)
        with pytest.raises(PasserelleError) as error:
            verify_header(header + b"x", at, len(headers), path, root)
        assert error.value.code == "proof_invalid"


def test_no_header_is_dropped_added_or_moved() -> None:
    headers = [b"a", b"b", b"c"]
    roots = [
        batch_root(rows)
        for rows in (headers, headers[:-1], [*headers, b"c"], [b"b", b"a", b"c"], [b"ab", b"c"])
    ]
    assert len(set(roots)) == len(roots)
    assert header_paths([]) == ()


@given(
    st.lists(st.tuples(st.integers(0, 0xFFFF), st.binary(min_size=16, max_size=16)), max_size=12),
    st.randoms(),
)
def test_the_token_commitment_ignores_order_and_nothing_else(
    rows: list[tuple[int, bytes]], random: Any
) -> None:
    def commit(rows: list[tuple[int, bytes]], salt: bytes = SALT) -> bytes:
        return token_commitment(salt, [kind for kind, _ in rows], b"".join(token for _, token in rows))

    shuffled = random.sample(rows, len(rows))
    whole = commit(rows)
    assert commit(shuffled) == whole
    assert commit(rows, bytes(32)) != whole
    assert commit([*rows, (1, bytes(16))]) != whole
    if rows:
        (kind, token), *rest = rows
        assert commit(rest) != whole
        assert commit([(kind ^ 1, token), *rest]) != whole
        assert commit([(kind, bytes([token[0] ^ 1]) + token[1:]), *rest]) != whole


@pytest.mark.parametrize(
    ("salt", "kinds", "tokens"),
    [
        (bytes(31), (1,), bytes(16)),
        (SALT, (1,), bytes(15)),
        (SALT, (1, 2), bytes(16)),
        (SALT, (), bytes(16)),
        (SALT, (0x10000,), bytes(16)),
        (SALT, (-1,), bytes(16)),
    ],
)
def test_malformed_tokens_are_refused(salt: bytes, kinds: tuple[int, ...], tokens: bytes) -> None:
    with pytest.raises(PasserelleError) as error:
        token_commitment(salt, kinds, tokens)
    assert error.value.code == "tokens_malformed"


def test_no_recipient_is_stripped_added_or_exchanged() -> None:
    one, two = KEKS
    whole = recipient_digest(KEKS)
    assert recipient_digest((two, one)) == whole
    others = [
        recipient_digest(()),
        recipient_digest((one,)),
        recipient_digest((*KEKS, KekWrap("customs", bytes(32), b"three"))),
        recipient_digest((replace(one, recipient="customs"), two)),
        recipient_digest((replace(one, key_id=b"\x02" * 32), two)),
        recipient_digest((replace(one, sealed=b"other"), two)),
        recipient_digest((replace(one, sealed=two.sealed), replace(two, sealed=one.sealed))),
    ]
    assert len({whole, *others}) == len(others) + 1


def test_a_recipient_stands_once() -> None:
    with pytest.raises(PasserelleError) as error:
        recipient_digest((*KEKS, replace(KEKS[0], sealed=b"again")))
    assert error.value.code == "recipient_repeated"


def test_the_formats_are_frozen() -> None:
    row = VECTOR["batch"]
    assert batch_root([bytes.fromhex(item) for item in row["headers"]]).hex() == row["root"]
    tokens = row["tokens"]
    commitment = token_commitment(
        bytes.fromhex(tokens["salt"]), tokens["kinds"], bytes.fromhex(tokens["tokens"])
    )
    assert commitment.hex() == tokens["commitment"]
    keks = [
        KekWrap(item["recipient"], bytes.fromhex(item["key_id"]), bytes.fromhex(item["sealed"]))
        for item in row["keks"]
    ]
    assert recipient_digest(keks).hex() == row["recipients"]
