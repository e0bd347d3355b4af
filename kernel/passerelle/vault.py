"""The agency's vault: keys of sections, sealing and opening them. The hub never imports this module.

Keys
----
(1) A section key (32 bytes) is HKDF-SHA256 (RFC 5869) of the agency's vault key under a fresh random salt,
    with the key's version and the section's label as `info`. The salt is kept at the connector: with it the
    key can be derived again for a later disclosure, and erasing it shreds the section for everybody who was
    given no wrap before.
(2) `seal_section` draws the salt itself, so no key ever seals twice; sealing again after a crash takes
    another key.
(3) HKDF-Expand of the section key, with label and plaintext length as `info`, gives the content key and the
    commitment, 32 bytes each. Two different keys, labels or lengths never share a commitment, so one
    ciphertext cannot be opened to two contents.

Ciphertext
----------
plaintext length (8 bytes, big-endian) ‖ commitment (32) ‖ chunks of 64 KiB, each with a tag of 16 bytes,
under AES-256-GCM. A chunk's nonce is its number (11 bytes) and a flag (1 byte) that is 1 for the last one:
the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár: Online authenticated encryption, 2015) with an
empty prefix, which is safe since every key seals once. The associated data is the `info` of (3).

Opening compares the commitment first, in constant time, then lengths, then every chunk; it returns all or
nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand

from passerelle.canonical import encode
from passerelle.errors import PasserelleError
from passerelle.section import SectionLabel

KEY_BYTES: Final = 32
SALT_BYTES: Final = 32
CHUNK_BYTES: Final = 64 * 1024
_VERSION_BYTES: Final = 4
_LENGTH_BYTES: Final = 8
_COMMITMENT_BYTES: Final = 32
_PREAMBLE: Final = _LENGTH_BYTES + _COMMITMENT_BYTES
_TAG: Final = 16
_KEY_DOMAIN: Final = "passerelle/section-key/1"
_CONTENT_DOMAIN: Final = "passerelle/section-content/1"


@dataclass(frozen=True, slots=True)
class VaultKey:
    """One version (1 to 2^32 - 1) of an agency's vault key (32 bytes).

    Raises:
        PasserelleError: `key_malformed`.
    """

    version: int
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.secret) != KEY_BYTES or not 0 < self.version < 1 << 8 * _VERSION_BYTES:
            raise PasserelleError("key_malformed", "vault key or its version")

    @classmethod
    def generate(cls, version: int, random: Callable[[int], bytes] = os.urandom) -> VaultKey:
        """A fresh key."""
        return cls(version, random(KEY_BYTES))

    @classmethod
    def from_bytes(cls, raw: bytes) -> VaultKey:
        """Read what `to_bytes` wrote.

        Raises:
            PasserelleError: `key_malformed`.
        """
        return cls(int.from_bytes(raw[:_VERSION_BYTES], "big"), raw[_VERSION_BYTES:])

    def to_bytes(self) -> bytes:
        """Version (4 bytes, big-endian), then key: what a key file holds."""
        return self.version.to_bytes(_VERSION_BYTES, "big") + self.secret


@dataclass(frozen=True, slots=True)
class SealedSection:
    """A sealed section, and what only the connector keeps of it.

    `ciphertext` and its SHA-256 `digest` go to the hub. `salt` (32 bytes) and `key_version` stay in the
    connector's store; `key` (32 bytes) is wrapped for recipients and then forgotten.
    """

    ciphertext: bytes = field(repr=False)
    digest: bytes
    key_version: int
    salt: bytes = field(repr=False)
    key: bytes = field(repr=False)

    @property
    def length(self) -> int:
        """Bytes of ciphertext."""
        return len(self.ciphertext)

    @property
    def commitment(self) -> bytes:
        """The key commitment (32 bytes) inside the ciphertext."""
        return self.ciphertext[_LENGTH_BYTES:_PREAMBLE]


def section_key(vault: VaultKey, salt: bytes, label: SectionLabel) -> bytes:
    """The key (32 bytes) of a section sealed before, for wrapping it to another recipient."""
    return _derive(vault, salt, label.encoded())


def seal_section(
    vault: VaultKey, label: SectionLabel, plaintext: bytes, random: Callable[[int], bytes] = os.urandom
) -> SealedSection:
    """Seal a section under a key of its own; about 15 us up to 2 KiB."""
    salt = random(SALT_BYTES)
    name = label.encoded()
    key = _derive(vault, salt, name)  # (1)
    aead, preamble, info = _content(key, name, len(plaintext))  # (3)
    if len(plaintext) <= CHUNK_BYTES:
        ciphertext = preamble + aead.encrypt(_nonce(0, last=True), plaintext, info)
    else:
        view = memoryview(plaintext)
        chunks = (aead.encrypt(nonce, view[at:end], info) for nonce, at, end in _chunks(len(plaintext)))
        ciphertext = b"".join((preamble, *chunks))
    return SealedSection(ciphertext, hashlib.sha256(ciphertext).digest(), vault.version, salt, key)


def open_section(key: bytes, label: SectionLabel, ciphertext: bytes) -> bytes:
    """The plaintext of a section, complete and unchanged.

    Raises:
        PasserelleError: `section_truncated`, `section_appended`, `section_reordered`, `section_changed`;
            `section_key_mismatch` where key, record, revision and name do not belong to this ciphertext.
    """
    if len(ciphertext) < _PREAMBLE + _TAG:
        raise PasserelleError("section_truncated", f"{len(ciphertext)} bytes")
    length = int.from_bytes(ciphertext[:_LENGTH_BYTES], "big")
    aead, preamble, info = _content(key, label.encoded(), length)
    if not hmac.compare_digest(preamble, ciphertext[:_PREAMBLE]):
        raise PasserelleError("section_key_mismatch", f"{len(ciphertext)} bytes")
    sealed = _PREAMBLE + length + _TAG * _count(length)
    if len(ciphertext) != sealed:
        code = "section_truncated" if len(ciphertext) < sealed else "section_appended"
        raise PasserelleError(code, f"{len(ciphertext)} of {sealed} bytes")
    view, start = memoryview(ciphertext), _PREAMBLE
    plain: list[bytes] = []
    for nonce, at, end in _chunks(length):
        chunk = view[start : start + end - at + _TAG]
        try:
            plain.append(aead.decrypt(nonce, chunk, info))
        except InvalidTag:
            raise _misplaced(aead, chunk, info, len(plain), length) from None
        start += len(chunk)
    return plain[0] if len(plain) == 1 else b"".join(plain)


def _derive(vault: VaultKey, salt: bytes, name: bytes) -> bytes:
    info = encode(_KEY_DOMAIN, vault.version, name)
    return HKDF(SHA256(), KEY_BYTES, salt, info).derive(vault.secret)


def _content(key: bytes, name: bytes, length: int) -> tuple[AESGCM, bytes, bytes]:
    """The cipher, the preamble and the associated data of a section."""
    info = encode(_CONTENT_DOMAIN, name, length)
    both = HKDFExpand(SHA256(), KEY_BYTES + _COMMITMENT_BYTES, info).derive(key)
    return AESGCM(both[:KEY_BYTES]), length.to_bytes(_LENGTH_BYTES, "big") + both[KEY_BYTES:], info


def _count(length: int) -> int:
    """Chunks of a plaintext; an empty one has one empty chunk."""
    return max(1, -(-length // CHUNK_BYTES))


def _nonce(number: int, *, last: bool) -> bytes:
    return (number << 8 | last).to_bytes(12, "big")


def _chunks(length: int) -> Iterator[tuple[bytes, int, int]]:
    """Nonce, start and end in the plaintext of each chunk."""
    count = _count(length)
    for number in range(count):
        end = min(length, (number + 1) * CHUNK_BYTES)
        yield _nonce(number, last=number == count - 1), number * CHUNK_BYTES, end


def _misplaced(aead: AESGCM, chunk: memoryview, info: bytes, number: int, length: int) -> PasserelleError:
    """Why a chunk did not open: it stands in another chunk's place, or it was changed."""
    for nonce, _, _ in _chunks(length):
        try:
            aead.decrypt(nonce, chunk, info)
        except InvalidTag:
            continue
        return PasserelleError("section_reordered", f"chunk {number}")
    return PasserelleError("section_changed", f"chunk {number}")
