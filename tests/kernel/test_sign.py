"""The hybrid signature and every way of weakening it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PublicKey
from hypothesis import given
from hypothesis import strategies as st

from passerelle import merkle
from passerelle.dsse import pae
from passerelle.errors import PasserelleError
from passerelle.sign import (
    PRIVATE_BYTES,
    PUBLIC_BYTES,
    Signature,
    Signed,
    SigningKey,
    TreePlace,
    VerifyingKey,
    sign,
    sign_many,
    verify,
)

TYPE = "application/vnd.passerelle.test.v1"
KEY = SigningKey(bytes(range(64)))
OTHER = SigningKey(bytes(range(64, 128)))
SIGNED = sign(KEY, TYPE, b"payload")
RESIGNED = sign(OTHER, TYPE, b"payload")
TOGETHER = sign_many(KEY, TYPE, [b"first", b"second", b"third"])


def _mark(**parts: Any) -> Callable[[Signed], Signed]:
    return lambda signed: replace(signed, signature=replace(signed.signature, **parts))


def _flip(data: bytes, bit: int) -> bytes:
    at = bit // 8 % len(data)
    return data[:at] + bytes([data[at] ^ 1 << bit % 8]) + data[at + 1 :]


def test_both_parts_are_plain_signatures_over_the_pre_authentication_encoding() -> None:
    """Any other implementation of the two algorithms can check them."""
    message = pae(TYPE, b"payload")
    raw = KEY.public.raw
    Ed25519PublicKey.from_public_bytes(raw[:32]).verify(SIGNED.signature.ed25519, message)
    MLDSA65PublicKey.from_public_bytes(raw[32:]).verify(SIGNED.signature.ml_dsa_65, message)
    assert (len(SIGNED.signature.ed25519), len(SIGNED.signature.ml_dsa_65)) == (64, 3309)


def test_a_good_signature_yields_the_payload() -> None:
    assert verify(SIGNED, KEY.public, TYPE) == b"payload"
    assert SIGNED.signature.key_id == KEY.public.key_id == hashlib.sha256(KEY.public.raw).digest()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        pytest.param(_mark(ed25519=b""), "signature_missing_classical", id="classical stripped"),
        pytest.param(_mark(ml_dsa_65=b""), "signature_missing_post_quantum", id="post-quantum stripped"),
        pytest.param(_mark(ed25519=b"", ml_dsa_65=b""), "signature_missing_classical", id="both stripped"),
        pytest.param(_mark(key_id=OTHER.public.key_id), "signature_wrong_key", id="key id exchanged"),
        pytest.param(_mark(key_id=b""), "signature_wrong_key", id="key id stripped"),
        pytest.param(lambda _: RESIGNED, "signature_wrong_key", id="signed again by another"),
        pytest.param(
            lambda _: replace(RESIGNED, signature=replace(RESIGNED.signature, key_id=KEY.public.key_id)),
            "signature_invalid",
            id="signed by another under our key id",
        ),
        pytest.param(
            _mark(ml_dsa_65=RESIGNED.signature.ml_dsa_65), "signature_invalid", id="other's post-quantum part"
        ),
        pytest.param(
            _mark(ed25519=RESIGNED.signature.ed25519), "signature_invalid", id="other's classical part"
        ),
        pytest.param(
            _mark(ed25519=SIGNED.signature.ed25519[:-1]), "signature_invalid", id="classical truncated"
        ),
        pytest.param(
            _mark(ml_dsa_65=SIGNED.signature.ml_dsa_65[:-1]), "signature_invalid", id="post-quantum truncated"
        ),
        pytest.param(lambda s: replace(s, payload=b"payloaD"), "signature_invalid", id="payload changed"),
        pytest.param(lambda s: replace(s, payload=b""), "signature_invalid", id="payload removed"),
        pytest.param(
            lambda s: replace(s, payload_type=TYPE + "1"), "signature_wrong_type", id="type exchanged"
        ),
    ],
)
def test_a_signed_text_with_anything_changed_is_refused_by_its_code(
    change: Callable[[Signed], Signed], code: str
) -> None:
    with pytest.raises(PasserelleError) as error:
        verify(change(SIGNED), KEY.public, TYPE)
    assert error.value.code == code


def test_one_type_is_never_taken_for_another() -> None:
    relabelled = replace(SIGNED, payload_type="other")
    with pytest.raises(PasserelleError) as error:
        verify(relabelled, KEY.public, "other")
    assert error.value.code == "signature_invalid"


@given(st.integers(0, 64 * 8 - 1), st.integers(0, 3309 * 8 - 1))
def test_no_bit_of_either_part_may_change(classical: int, lattice: int) -> None:
    mark = SIGNED.signature
    for changed in (
        replace(mark, ed25519=_flip(mark.ed25519, classical)),
        replace(mark, ml_dsa_65=_flip(mark.ml_dsa_65, lattice)),
    ):
        with pytest.raises(PasserelleError) as error:
            verify(replace(SIGNED, signature=changed), KEY.public, TYPE)
        assert error.value.code == "signature_invalid"


def test_keys_survive_their_bytes() -> None:
    key = SigningKey.generate()
    again = SigningKey(key.raw)
    assert again == key
    assert again.public == VerifyingKey(key.public.raw)
    assert verify(sign(again, TYPE, b"x"), key.public, TYPE) == b"x"
    assert (len(key.raw), len(key.public.raw)) == (PRIVATE_BYTES, PUBLIC_BYTES)
    assert key != KEY
    assert hash(again.public) == hash(key.public)


@pytest.mark.parametrize("raw", [b"", bytes(63), bytes(65), bytes(1983), bytes(1985)])
def test_keys_of_other_lengths_are_refused(raw: bytes) -> None:
    for kind in (SigningKey, VerifyingKey):
        with pytest.raises(PasserelleError) as error:
            kind(raw)
        assert error.value.code == "key_malformed"


def test_private_keys_never_show() -> None:
    assert KEY.raw.hex() not in repr(KEY)
    assert repr(KEY.raw) not in repr(KEY)


def test_signatures_are_plain_values() -> None:
    assert Signature(b"a", b"b", b"c") == Signature(b"a", b"b", b"c")


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5, 8, 9])
def test_payloads_signed_together_verify_alone(count: int) -> None:
    payloads = [bytes([at]) for at in range(count)]
    signed = sign_many(KEY, TYPE, payloads)
    assert [verify(one, KEY.public, TYPE) for one in signed] == payloads
    assert len({one.signature.ml_dsa_65 for one in signed}) == min(count, 1)


def test_what_is_signed_together_is_the_root_under_a_type_of_its_own() -> None:
    """Any other implementation can check it: the DSSE encoding over size and RFC 6962 root."""
    root = merkle.root([b"first", b"second", b"third"])
    message = pae(TYPE + "+tree", (3).to_bytes(8, "big") + root)
    Ed25519PublicKey.from_public_bytes(KEY.public.raw[:32]).verify(TOGETHER[1].signature.ed25519, message)
    assert verify(sign_many(KEY, TYPE, [b"alone"])[0], KEY.public, TYPE) == b"alone"
    assert sign_many(KEY, TYPE, [b"alone"])[0].signature.place is None


def _placed(index: int, size: int, path: tuple[bytes, ...]) -> Callable[[Signed], Signed]:
    place = TreePlace(index, size, path)
    return lambda signed: replace(signed, signature=replace(signed.signature, place=place))


def _place_of(index: int) -> TreePlace:
    place = TOGETHER[index].signature.place
    assert place is not None
    return place


def _payload(content: bytes) -> Callable[[Signed], Signed]:
    return lambda signed: replace(signed, payload=content)


def _unplaced(signed: Signed) -> Signed:
    return replace(signed, signature=replace(signed.signature, place=None))


_PATH = _place_of(1).path


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(_payload(b"other"), id="payload changed"),
        pytest.param(_payload(b"first"), id="payload of a neighbour"),
        pytest.param(_unplaced, id="place removed"),
        pytest.param(_placed(0, 3, _PATH), id="another index"),
        pytest.param(_placed(1, 4, _PATH), id="another size"),
        pytest.param(_placed(3, 3, _PATH), id="no such leaf"),
        pytest.param(_placed(1, 3, _PATH[:1]), id="path cut"),
        pytest.param(_placed(1, 3, (_PATH[0], bytes(32))), id="path changed"),
        pytest.param(_placed(1, 3, (_PATH[0], _PATH[1][:-1])), id="a short hash"),
        pytest.param(_placed(0, 0, ()), id="an empty tree"),
    ],
)
def test_a_place_in_the_tree_cannot_be_moved(change: Callable[[Signed], Signed]) -> None:
    with pytest.raises(PasserelleError) as error:
        verify(change(TOGETHER[1]), KEY.public, TYPE)
    assert error.value.code == "signature_invalid"


def test_a_root_is_never_taken_for_a_payload_nor_a_payload_for_a_root() -> None:
    root = merkle.root([b"first", b"second", b"third"])
    message = (3).to_bytes(8, "big") + root
    bare = replace(TOGETHER[0].signature, place=None)
    forged_root = replace(sign(KEY, TYPE, message), payload=b"first")
    for signed, expected in (
        (Signed(TYPE, message, bare), TYPE),  # the signed root shown as a payload
        (replace(forged_root, signature=replace(forged_root.signature, place=_place_of(0))), TYPE),
    ):
        with pytest.raises(PasserelleError) as error:
            verify(signed, KEY.public, expected)
        assert error.value.code == "signature_invalid"
