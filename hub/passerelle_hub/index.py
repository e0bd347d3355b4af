"""The token index: from a token to the records that carry it, without keeping the token.

mark = HMAC-SHA256(pepper, domain, epoch, kind, token), first 16 bytes. The pepper lives outside the
database, so that a stolen database matches nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from collections.abc import Sequence

from passerelle.record import TOKEN_BYTES

MARK_BYTES = 16
PEPPER_BYTES = 32


class Pepper:
    """Turns tokens into marks. Holds the secret; has no printable form."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) != PEPPER_BYTES:
            raise ValueError("a pepper has 32 bytes")
        self._mac = hmac.new(secret, digestmod=hashlib.sha256)

    def marks(self, domain: str, epoch: int, kinds: Sequence[int], tokens: bytes) -> bytes:
        """The marks of a record's tokens, packed 16 bytes each, in the order of the tokens.

        Domain and epoch come first and with their lengths, so the parts cannot run into each other.
        """
        name = domain.encode()
        base = self._mac.copy()
        base.update(struct.pack(">HI", len(name), epoch) + name)
        marks = bytearray()
        for at, kind in enumerate(kinds):
            mac = base.copy()
            mac.update(kind.to_bytes(2, "big") + tokens[at * TOKEN_BYTES : (at + 1) * TOKEN_BYTES])
            marks += mac.digest()[:MARK_BYTES]
        return bytes(marks)


def split(marks: bytes) -> list[bytes]:
    """Packed marks, one by one."""
    return [marks[at : at + MARK_BYTES] for at in range(0, len(marks), MARK_BYTES)]


def pack_kinds(kinds: Sequence[int]) -> bytes:
    """Distinct kinds, ascending, as packed unsigned 16-bit numbers."""
    return b"".join(kind.to_bytes(2, "big") for kind in sorted(set(kinds)))


def unpack_kinds(packed: bytes) -> frozenset[int]:
    """The set behind `pack_kinds`."""
    return frozenset(int.from_bytes(packed[at : at + 2], "big") for at in range(0, len(packed), 2))
