"""Notifications on their way: signed by the hub, then sealed to the agency's sealing key.

The label binds hub, agency, the agency's key and the sequence number into the encryption, so that the
network, or a thief of one database, cannot show a notification under another number or to another agency.
What is sealed are the exact bytes of the signed notification; the receiver verifies the signature after
opening.
"""

from __future__ import annotations

from typing import Final

from passerelle.codec.signed import decode_signed, encode_signed
from passerelle.seal import Purpose, SealingKey, SealingPublicKey, SealLabel, open_sealed, seal
from passerelle.sign import Signed

_SEQUENCE_BYTES: Final = 8


def seal_notification(
    public: SealingPublicKey, hub: str, agency: str, sequence: int, signed: Signed
) -> bytes:
    """Seal a signed notification; `hub` is its SPIFFE id, `sequence` the agency's number for it.

    Raises:
        PasserelleError: `key_malformed`.
    """
    return seal(public, _info(hub, agency, sequence, public), encode_signed(signed))


def open_notification(key: SealingKey, hub: str, agency: str, sequence: int, sealed: bytes) -> Signed:
    """What `seal_notification` sealed under the same hub, agency and number; not yet verified.

    Raises:
        PasserelleError: `seal_open_failed`, `message_malformed`.
    """
    return decode_signed(open_sealed(key, _info(hub, agency, sequence, key.public), sealed))


def _info(hub: str, agency: str, sequence: int, public: SealingPublicKey) -> bytes:
    number = sequence.to_bytes(_SEQUENCE_BYTES, "big")
    return SealLabel(hub, number, agency, Purpose.NOTIFICATION).info(public.key_id)
