"""The token index: from a token to the records that carry it, without keeping the token.

mark = HMAC-SHA256(pepper, domain, epoch, kind, token), first 16 bytes. The pepper lives outside the
database, so that a stolen database matches nothing.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TypeAlias

MARK_BYTES = 16
_KIND_BYTES = 2
PEPPER_BYTES = 32
_BLOCK = 64


Marker: TypeAlias = "Callable[[Iterable[bytes]], tuple[bytes, ...]]"
"""Takes a record's tokens as `passerelle.batch.token_rows` gives them."""


class Pepper:
    """Turns tokens into marks. Holds the secret; has no printable form."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) != PEPPER_BYTES:
            raise ValueError("a pepper has 32 bytes")
        key = secret.ljust(_BLOCK, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in key))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in key))

    def marker(self, domain: str, epoch: int) -> Marker:
        """What turns a record's tokens into its entries of the index: per token mark and kind (2 bytes).

        Domain and epoch come first and with their lengths, so the parts cannot run into each other.
        """
        name = domain.encode()
        base = self._inner.copy()
        base.update(struct.pack(">HI", len(name), epoch) + name)
        copy, outer = base.copy, self._outer.copy

        def entries(rows: Iterable[bytes]) -> tuple[bytes, ...]:
            made: list[bytes] = []
            for row in rows:  # HMAC by its definition (RFC 2104): `hmac` costs twice as much for one block
                inner, mac = copy(), outer()
                inner.update(row)
                mac.update(inner.digest())
                made.append(mac.digest()[:MARK_BYTES] + row[:_KIND_BYTES])
            return tuple(made)

        return entries


def split(marks: bytes) -> list[bytes]:
    """Packed marks, one by one."""
    return [marks[at : at + MARK_BYTES] for at in range(0, len(marks), MARK_BYTES)]


@lru_cache(maxsize=4096)  # records of one shape have the same kinds
def pack_kinds(kinds: tuple[int, ...]) -> bytes:
    """Distinct kinds, ascending, as packed unsigned 16-bit numbers."""
    return b"".join(kind.to_bytes(2, "big") for kind in sorted(set(kinds)))


@lru_cache(maxsize=4096)
def unpack_kinds(packed: bytes) -> frozenset[int]:
    """The set behind `pack_kinds`."""
    return frozenset(int.from_bytes(packed[at : at + 2], "big") for at in range(0, len(packed), 2))
