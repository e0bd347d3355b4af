"""Notifications on their way: signed by the hub, then sealed to the agency's sealing key.

(1) Notifications written together for one agency share a fresh content key, sealed once by HPKE. Its label
    binds hub, agency and the agency's key.
(2) Each is encrypted under it by AES-256-GCM with its sequence number as the nonce: numbers never repeat, so
    nonces do not. The network, or a thief of one database, cannot show a notification under another number or
    to another agency.
(3) Each carries the sealed key in front and opens alone.

What is encrypted are the exact bytes of the signed notification; the receiver verifies the signature after
opening. Notifications of an older hub were sealed one by one, each under a label with its number; they open
too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from passerelle.codec.signed import decode_signed, encode_signed
from passerelle.errors import PasserelleError
from passerelle.seal import (
    OVERHEAD_BYTES,
    Purpose,
    SealingKey,
    SealingPublicKey,
    SealLabel,
    open_sealed,
    seal,
)
from passerelle.sign import Signed

_KEY_BITS: Final = 256
_SEALED_KEY_BYTES: Final = OVERHEAD_BYTES + _KEY_BITS // 8
_NONCE_BYTES: Final = 12
_SEQUENCE_BYTES: Final = 8


def seal_notifications(
    public: SealingPublicKey, hub: str, agency: str, signed: Mapping[int, Signed]
) -> dict[int, bytes]:
    """Seal signed notifications, by the agency's number for each; `hub` is its SPIFFE id.

    Raises:
        PasserelleError: `key_malformed`.
    """
    key = AESGCM.generate_key(_KEY_BITS)
    head, aead = seal(public, _shared(hub, agency, public), key), AESGCM(key)  # (1)
    return {
        number: head + aead.encrypt(_nonce(number), encode_signed(one), None)  # (2), (3)
        for number, one in signed.items()
    }


def open_notification(key: SealingKey, hub: str, agency: str, sequence: int, sealed: bytes) -> Signed:
    """What was sealed under the same hub, agency and number; not yet verified.

    Raises:
        PasserelleError: `seal_open_failed`, `message_malformed`.
    """
    try:
        content_key = open_sealed(key, _shared(hub, agency, key.public), sealed[:_SEALED_KEY_BYTES])
    except PasserelleError:
        return decode_signed(open_sealed(key, _alone(hub, agency, sequence, key.public), sealed))
    try:
        raw = AESGCM(content_key).decrypt(_nonce(sequence), sealed[_SEALED_KEY_BYTES:], None)
    except InvalidTag as error:
        raise PasserelleError("seal_open_failed", f"{len(sealed)} bytes") from error
    return decode_signed(raw)


def _nonce(sequence: int) -> bytes:
    return sequence.to_bytes(_NONCE_BYTES, "big")


def _shared(hub: str, agency: str, public: SealingPublicKey) -> bytes:
    return SealLabel(hub, b"", agency, Purpose.NOTIFICATION_KEY).info(public.key_id)


def _alone(hub: str, agency: str, sequence: int, public: SealingPublicKey) -> bytes:
    number = sequence.to_bytes(_SEQUENCE_BYTES, "big")
    return SealLabel(hub, number, agency, Purpose.NOTIFICATION).info(public.key_id)
