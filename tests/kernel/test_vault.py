"""Sealed sections: what was sealed comes back, or a code says what was done to it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from hypothesis import given
from hypothesis import strategies as st

from passerelle.canonical import encode
from passerelle.errors import PasserelleError
from passerelle.section import SectionLabel
from passerelle.vault import CHUNK_BYTES, VaultKey, open_section, seal_section, section_key

VECTOR: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "envelope-1.json").read_text("utf-8")
)
VAULT = VaultKey(3, bytes(range(32)))
LABEL = SectionLabel("customs", bytes(range(16)), 2, "identity")
LONG = bytes(range(256)) * (CHUNK_BYTES * 5 // 2 // 256)
SEALED = seal_section(VAULT, LABEL, LONG)
PREAMBLE = 40
CHUNK = CHUNK_BYTES + 16


def _code(key: bytes, label: SectionLabel, ciphertext: bytes) -> str:
    with pytest.raises(PasserelleError) as error:
        open_section(key, label, ciphertext)
    return error.value.code


def _chunks(ciphertext: bytes) -> tuple[bytes, list[bytes]]:
    body = ciphertext[PREAMBLE:]
    return ciphertext[:PREAMBLE], [body[at : at + CHUNK] for at in range(0, len(body), CHUNK)]


@pytest.mark.parametrize(
    "size", [0, 1, 2000, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES, 3 * CHUNK_BYTES + 7]
)
def test_what_was_sealed_comes_back(size: int) -> None:
    plain = LONG[:size] if size <= len(LONG) else LONG * 2
    sealed = seal_section(VAULT, LABEL, plain)
    assert open_section(sealed.key, LABEL, sealed.ciphertext) == plain
    assert sealed.digest == hashlib.sha256(sealed.ciphertext).digest()
    assert (
        sealed.length
        == len(sealed.ciphertext)
        == PREAMBLE + len(plain) + 16 * max(1, -(-len(plain) // CHUNK_BYTES))
    )


def test_the_key_comes_back_from_salt_and_label() -> None:
    assert section_key(VAULT, SEALED.salt, LABEL) == SEALED.key
    assert SEALED.key_version == 3


@pytest.mark.parametrize("row", VECTOR["sections"], ids=lambda row: str(row["name"]))
def test_the_format_is_frozen(row: dict[str, Any]) -> None:
    vault = VaultKey(row["vault_version"], bytes.fromhex(row["vault_key"]))
    label = SectionLabel(row["agency"], bytes.fromhex(row["record_id"]), row["revision"], row["name"])
    plain = row["plaintext"].encode() * row["repeat"]
    sealed = seal_section(vault, label, plain, lambda _: bytes.fromhex(row["salt"]))
    assert sealed.key.hex() == row["section_key"]
    assert sealed.commitment.hex() == row["commitment"]
    assert sealed.digest.hex() == row["digest"]
    assert open_section(sealed.key, label, sealed.ciphertext) == plain


@pytest.mark.parametrize(
    "label",
    [
        replace(LABEL, agency="police"),
        replace(LABEL, record_id=bytes(16)),
        replace(LABEL, revision=1),
        replace(LABEL, name="source"),
    ],
    ids=["agency", "record", "revision", "section"],
)
def test_a_section_opens_under_its_label_only(label: SectionLabel) -> None:
    assert _code(SEALED.key, label, SEALED.ciphertext) == "section_key_mismatch"
    assert section_key(VAULT, SEALED.salt, label) != SEALED.key


def test_another_key_salt_or_version_opens_nothing() -> None:
    for key in (
        bytes(32),
        section_key(VaultKey(4, VAULT.secret), SEALED.salt, LABEL),
        section_key(VAULT, bytes(32), LABEL),
        section_key(VaultKey(3, bytes(32)), SEALED.salt, LABEL),
    ):
        assert _code(key, LABEL, SEALED.ciphertext) == "section_key_mismatch"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        pytest.param(lambda head, parts: head, "section_truncated", id="no chunk left"),
        pytest.param(lambda head, parts: head + parts[0], "section_truncated", id="one chunk left"),
        pytest.param(
            lambda head, parts: head + parts[0] + parts[1], "section_truncated", id="last chunk lost"
        ),
        pytest.param(
            lambda head, parts: head + b"".join(parts)[:-1], "section_truncated", id="last byte lost"
        ),
        pytest.param(
            lambda head, parts: head + b"".join(parts) + b"x", "section_appended", id="byte appended"
        ),
        pytest.param(
            lambda head, parts: head + b"".join(parts) + parts[0], "section_appended", id="chunk appended"
        ),
        pytest.param(
            lambda head, parts: head + parts[1] + parts[0] + parts[2], "section_reordered", id="swapped"
        ),
        pytest.param(
            lambda head, parts: head + parts[0] + parts[0] + parts[2], "section_reordered", id="repeated"
        ),
        pytest.param(
            lambda head, parts: head + parts[0] + bytes(CHUNK) + parts[2], "section_changed", id="overwritten"
        ),
        pytest.param(
            lambda head, parts: (len(LONG) - 1).to_bytes(8, "big") + head[8:] + b"".join(parts)[:-1],
            "section_key_mismatch",
            id="shortened with its length",
        ),
        pytest.param(
            lambda head, parts: head[:8] + bytes(32) + b"".join(parts),
            "section_key_mismatch",
            id="commitment overwritten",
        ),
        pytest.param(lambda head, parts: b"", "section_truncated", id="nothing left"),
    ],
)
def test_a_sealed_section_with_anything_changed_is_refused_by_its_code(
    change: Callable[[bytes, list[bytes]], bytes], code: str
) -> None:
    assert _code(SEALED.key, LABEL, change(*_chunks(SEALED.ciphertext))) == code


@given(st.binary(max_size=40), st.data())
def test_no_bit_may_change(plain: bytes, data: st.DataObject) -> None:
    sealed = seal_section(VAULT, LABEL, plain)
    at = data.draw(st.integers(0, sealed.length - 1))
    bit = data.draw(st.integers(0, 7))
    changed = sealed.ciphertext[:at] + bytes([sealed.ciphertext[at] ^ 1 << bit]) + sealed.ciphertext[at + 1 :]
    expected = "section_key_mismatch" if at < PREAMBLE else "section_changed"
    assert _code(sealed.key, LABEL, changed) == expected


def test_a_hostile_length_costs_nothing() -> None:
    assert _code(SEALED.key, LABEL, b"\xff" * 8 + SEALED.ciphertext[8:]) == "section_key_mismatch"


def test_the_chunks_are_aes_gcm_with_counter_and_final_flag() -> None:
    """A chunk opens under its own nonce only, also without the length in front of it."""
    info = encode("passerelle/section-content/1", LABEL.encoded(), len(LONG))
    both = HKDFExpand(SHA256(), 64, info).derive(SEALED.key)
    assert both[32:] == SEALED.commitment
    for number, chunk in enumerate(_chunks(SEALED.ciphertext)[1]):
        nonce = number.to_bytes(11, "big") + bytes([number == 2])
        plain = AESGCM(both[:32]).decrypt(nonce, chunk, info)
        assert plain == LONG[number * CHUNK_BYTES : (number + 1) * CHUNK_BYTES]


def test_no_key_seals_twice() -> None:
    again = seal_section(VAULT, LABEL, LONG)
    assert again.key != SEALED.key
    assert again.ciphertext != SEALED.ciphertext


def test_secrets_never_show() -> None:
    for secret in (SEALED.key, SEALED.salt, VAULT.secret):
        assert repr(secret) not in repr(SEALED) + repr(VAULT)


def test_vault_keys_survive_their_bytes() -> None:
    key = VaultKey.generate(7)
    assert VaultKey.from_bytes(key.to_bytes()) == key
    for raw in (b"", bytes(36), key.to_bytes()[:-1], key.to_bytes() + b"x"):
        with pytest.raises(PasserelleError) as error:
            VaultKey.from_bytes(raw)
        assert error.value.code == "key_malformed"
    with pytest.raises(PasserelleError):
        VaultKey(1 << 32, bytes(32))
