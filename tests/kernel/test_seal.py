"""HPKE with X-Wing: against RFC 9180 written out, and every way of showing sealed bytes as something else."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from passerelle.errors import PasserelleError
from passerelle.seal import (
    OVERHEAD_BYTES,
    PRIVATE_BYTES,
    PUBLIC_BYTES,
    Purpose,
    SealingKey,
    SealingPublicKey,
    SealLabel,
    open_sealed,
    seal,
)

XWING_SEED = bytes.fromhex("7f9c2ba4e88f827d616045507605853ed73b8093f6efbc88eb1a6eacfa66ef26")
KEY = SealingKey(hashlib.shake_256(XWING_SEED).digest(96))
LABEL = SealLabel("customs", bytes(16), "police", Purpose.BATCH)
INFO = LABEL.info(KEY.public.key_id)
SUITE_ID = b"HPKE" + bytes.fromhex("647a00010002")  # X-Wing, HKDF-SHA256, AES-256-GCM


def _extract(salt: bytes, label: bytes, ikm: bytes) -> bytes:
    return hmac.digest(salt or bytes(32), b"HPKE-v1" + SUITE_ID + label + ikm, "sha256")


def _expand(secret: bytes, label: bytes, info: bytes, length: int) -> bytes:
    text = length.to_bytes(2, "big") + b"HPKE-v1" + SUITE_ID + label + info
    return hmac.digest(secret, text + b"\x01", "sha256")[:length]


def _open_by_the_book(raw: bytes, info: bytes, sealed: bytes) -> bytes:
    """X-Wing decapsulation, then the key schedule of RFC 9180, section 5.1, base mode."""
    lattice, classical = sealed[:1088], sealed[1088:1120]
    ours = X25519PrivateKey.from_private_bytes(raw[64:])
    secret = hashlib.sha3_256(
        MLKEM768PrivateKey.from_seed_bytes(raw[:64]).decapsulate(lattice)
        + ours.exchange(X25519PublicKey.from_public_bytes(classical))
        + classical
        + ours.public_key().public_bytes_raw()
        + bytes.fromhex("5c2e2f2f5e5c")  # the label of X-Wing
    ).digest()
    context = b"\x00" + _extract(b"", b"psk_id_hash", b"") + _extract(b"", b"info_hash", info)
    schedule = _extract(secret, b"secret", b"")
    key, nonce = _expand(schedule, b"key", context, 32), _expand(schedule, b"base_nonce", context, 12)
    return AESGCM(key).decrypt(nonce, sealed[1120:], b"")


def test_the_key_is_the_one_of_the_x_wing_draft() -> None:
    """First vector of draft-connolly-cfrg-xwing-kem: the start of its public key."""
    assert KEY.public.raw.hex().startswith(
        "e2236b35a8c24b39b10aa1323a96a919a2ced88400633a7b07131713fc14b2b5b19cfc3d"
    )


def test_it_is_hpke() -> None:
    sealed = seal(KEY.public, INFO, b"plain")
    assert len(sealed) == OVERHEAD_BYTES + 5
    assert _open_by_the_book(KEY.raw, INFO, sealed) == open_sealed(KEY, INFO, sealed) == b"plain"


def test_sealing_is_randomised() -> None:
    assert seal(KEY.public, INFO, b"plain") != seal(KEY.public, INFO, b"plain")


@pytest.mark.parametrize(
    "label",
    [
        replace(LABEL, sender="coast-guard"),
        replace(LABEL, subject=bytes(15) + b"\x01"),
        replace(LABEL, recipient="customs"),
        replace(LABEL, purpose=Purpose.GRANT),
        SealLabel("", b"", "", Purpose.BATCH),
    ],
    ids=["sender", "subject", "recipient", "purpose", "empty"],
)
def test_sealed_bytes_open_under_their_label_only(label: SealLabel) -> None:
    sealed = seal(KEY.public, INFO, b"plain")
    with pytest.raises(PasserelleError) as error:
        open_sealed(KEY, label.info(KEY.public.key_id), sealed)
    assert error.value.code == "seal_open_failed"


def test_another_key_opens_nothing() -> None:
    sealed = seal(KEY.public, INFO, b"plain")
    with pytest.raises(PasserelleError) as error:
        open_sealed(SealingKey.generate(), INFO, sealed)
    assert error.value.code == "seal_open_failed"


@given(st.integers(0, OVERHEAD_BYTES + 4), st.integers(0, 7))
def test_no_bit_may_change_and_no_byte_be_lost(at: int, bit: int) -> None:
    sealed = seal(KEY.public, INFO, b"plain")
    flipped = sealed[:at] + bytes([sealed[at] ^ 1 << bit]) + sealed[at + 1 :]
    for changed in (flipped, sealed[:at], sealed + b"x"):
        with pytest.raises(PasserelleError) as error:
            open_sealed(KEY, INFO, changed)
        assert error.value.code == "seal_open_failed"


def test_keys_survive_their_bytes() -> None:
    key = SealingKey.generate()
    assert SealingKey(key.raw) == key
    assert SealingKey(key.raw).public == SealingPublicKey(key.public.raw)
    assert key.public.key_id == hashlib.sha256(key.public.raw).digest()
    assert (len(key.raw), len(key.public.raw)) == (PRIVATE_BYTES, PUBLIC_BYTES)


@pytest.mark.parametrize("raw", [b"", bytes(95), bytes(97), bytes(1215), bytes(1217), b"\xff" * 1216])
def test_malformed_keys_are_refused(raw: bytes) -> None:
    for kind in (SealingKey, SealingPublicKey):
        with pytest.raises(PasserelleError) as error:
            kind(raw)
        assert error.value.code == "key_malformed"


def test_the_highest_bit_of_a_point_counts() -> None:
    """X25519 ignores it; X-Wing hashes the point, so that nobody can make a second ciphertext."""
    sealed = seal(KEY.public, INFO, b"plain")
    with pytest.raises(PasserelleError) as error:
        open_sealed(KEY, INFO, sealed[:1119] + bytes([sealed[1119] ^ 0x80]) + sealed[1120:])
    assert error.value.code == "seal_open_failed"


def test_a_point_of_small_order_is_refused() -> None:
    weak = SealingPublicKey(KEY.public.raw[:1184] + bytes(32))
    with pytest.raises(PasserelleError) as error:
        seal(weak, INFO, b"plain")
    assert error.value.code == "key_malformed"


def test_private_keys_never_show() -> None:
    assert repr(KEY.raw) not in repr(KEY)
