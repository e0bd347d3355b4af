"""Wraps: section keys under a key-encryption key, and that key under HPKE to a recipient.

(1) For each batch and recipient one key-encryption key (KEK, 32 random bytes) is drawn.
(2) HPKE seals it to the recipient's sealing key, once per batch: 1,168 bytes, 100 us.
(3) Each section key is wrapped under the KEK: 60 bytes, 4 us.

A grant does the same with the grant's id in place of the batch's.

The nonce of (3) is synthetic: the first 12 bytes of HMAC-SHA256, under a key derived from the KEK for this
alone, over label and section key. Two equal nonces therefore mean the same label and the same key, so the
same ciphertext, which tells nothing. A random nonce would fail with a machine restored from a snapshot, a
counter with a lost write, and a nonce made from the label alone when a section is sealed again under the same
KEK. Sealing again after a crash gives the same bytes.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from passerelle.errors import PasserelleError
from passerelle.record import KekWrap
from passerelle.seal import SealingKey, SealingPublicKey, SealLabel, open_sealed, seal
from passerelle.section import SectionLabel

KEY_BYTES: Final = 32
WRAP_BYTES: Final = 60
"""Nonce (12), section key (32), tag (16)."""
_NONCE: Final = 12
_INFO: Final = b"passerelle/wrap/1"


@dataclass(frozen=True, slots=True)
class Kek:
    """A key-encryption key (32 bytes) of one batch or grant and one recipient.

    Raises:
        PasserelleError: `key_malformed`.
    """

    secret: bytes = field(repr=False)
    aead: AESGCM = field(init=False, repr=False, compare=False)
    nonces: hmac.HMAC = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if len(self.secret) != KEY_BYTES:
            raise PasserelleError("key_malformed", "key-encryption key")
        both = HKDFExpand(SHA256(), 2 * KEY_BYTES, _INFO).derive(self.secret)
        object.__setattr__(self, "aead", AESGCM(both[:KEY_BYTES]))
        object.__setattr__(self, "nonces", hmac.new(both[KEY_BYTES:], digestmod="sha256"))

    @classmethod
    def generate(cls, random: Callable[[int], bytes] = os.urandom) -> Kek:
        """A fresh key (1)."""
        return cls(random(KEY_BYTES))


def wrap_kek(kek: Kek, public: SealingPublicKey, label: SealLabel) -> KekWrap:
    """Seal a KEK to the recipient the label names (2).

    Raises:
        PasserelleError: `key_malformed`.
    """
    sealed = seal(public, label.info(public.key_id), kek.secret)
    return KekWrap(label.recipient, public.key_id, sealed)


def unwrap_kek(key: SealingKey, wrap: KekWrap, label: SealLabel) -> Kek:
    """The KEK sealed to this key under this label.

    Raises:
        PasserelleError: `wrap_wrong_key`, sealed to another key of the recipient; `wrap_mislabelled`, made
            for another recipient, batch, grant, sender or purpose, or changed.
    """
    if wrap.key_id != key.public.key_id:
        raise PasserelleError("wrap_wrong_key", f"sealed to {wrap.key_id.hex()[:16]}")
    if wrap.recipient != label.recipient:
        raise PasserelleError("wrap_mislabelled", "recipient")
    try:
        return Kek(open_sealed(key, label.info(wrap.key_id), wrap.sealed))
    except PasserelleError as error:
        raise PasserelleError("wrap_mislabelled", "key-encryption key") from error


def wrap_section_key(kek: Kek, section_key: bytes, label: SectionLabel) -> bytes:
    """A section key (32 bytes) under a KEK: 60 bytes, the same for the same arguments.

    Raises:
        PasserelleError: `key_malformed`.
    """
    if len(section_key) != KEY_BYTES:
        raise PasserelleError("key_malformed", "section key")
    name = label.encoded()
    mac = kek.nonces.copy()
    mac.update(section_key)  # 32 bytes always, so what follows cannot be mistaken for a part of it
    mac.update(name)
    nonce = mac.digest()[:_NONCE]
    return nonce + kek.aead.encrypt(nonce, section_key, name)


def unwrap_section_key(kek: Kek, wrapped: bytes, label: SectionLabel) -> bytes:
    """The section key (32 bytes) wrapped under this KEK for this section.

    Raises:
        PasserelleError: `wrap_mislabelled`: another section, record, revision, agency or KEK, or changed.
    """
    if len(wrapped) != WRAP_BYTES:
        raise PasserelleError("wrap_mislabelled", f"{len(wrapped)} bytes")
    try:
        return kek.aead.decrypt(wrapped[:_NONCE], wrapped[_NONCE:], label.encoded())
    except InvalidTag as error:
        raise PasserelleError("wrap_mislabelled", "section key") from error
