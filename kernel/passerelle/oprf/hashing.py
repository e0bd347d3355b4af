"""Hashing to ristretto255 (RFC 9380) and the domain separation of RFC 9497.

`expand_message_xmd` is RFC 9380, 5.3.1, with SHA-512. `hash_to_group` and `hash_to_scalar` are those of the
suite ristretto255-SHA512 (RFC 9497, 4.1): 64 uniform bytes through the group's one-way map, or reduced as a
little-endian integer. Everything is deterministic and keeps the order of its inputs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from enum import IntEnum
from typing import Final

from passerelle.errors import PasserelleError
from passerelle.oprf.group import UNIFORM_BYTES, ristretto255

SUITE: Final = b"ristretto255-SHA512"
MAX_INPUT: Final = 0xFFFF
"""Longest input in bytes: RFC 9497 writes lengths in two."""

_DIGEST: Final = 64
_PADDED: Final = hashlib.sha512(bytes(128))
"""The state after one block of zeros, which starts every expansion."""


class Mode(IntEnum):
    """Modes of RFC 9497, 3.1, as far as we speak them."""

    OPRF = 0
    VOPRF = 1


def context_string(mode: Mode) -> bytes:
    """RFC 9497, 3.1: what ties every hash to protocol version, mode and suite."""
    return b"OPRFV1-" + mode.to_bytes(1, "big") + b"-" + SUITE


def expand_message_xmd(message: bytes, tag: bytes, length: int) -> bytes:
    """`length` uniform bytes (at most 16,320) from a message under a domain tag of at most 255 bytes.

    Raises:
        ValueError: tag or length out of range.
    """
    blocks = -(-length // _DIGEST)
    if not 1 <= blocks <= 255 or len(tag) > 255:
        raise ValueError("tag or length out of range")
    suffix = tag + len(tag).to_bytes(1, "big")
    first = _PADDED.copy()
    first.update(message + length.to_bytes(2, "big") + b"\x00" + suffix)
    start = first.digest()
    block = hashlib.sha512(start + b"\x01" + suffix).digest()
    out = [block]
    for number in range(2, blocks + 1):
        mixed = bytes(a ^ b for a, b in zip(start, block, strict=True))
        block = hashlib.sha512(mixed + number.to_bytes(1, "big") + suffix).digest()
        out.append(block)
    return b"".join(out)[:length]


def hash_to_group(inputs: Iterable[bytes], context: bytes) -> bytes:
    """One element for each input, packed; the identity with probability 2^-252, which blinding refuses."""
    tag = b"HashToGroup-" + context
    return ristretto255().from_uniform(
        b"".join(expand_message_xmd(item, tag, UNIFORM_BYTES) for item in inputs)
    )


def hash_to_scalar(message: bytes, context: bytes, label: bytes = b"HashToScalar-") -> bytes:
    """A scalar (32 bytes) from a message; `label` is another one in DeriveKeyPair only."""
    return ristretto255().reduce(expand_message_xmd(message, label + context, UNIFORM_BYTES))


def framed(part: bytes) -> bytes:
    """A part of a transcript, preceded by its length in two bytes (RFC 9497, 1.2).

    Raises:
        PasserelleError: `oprf_input_invalid`: more than 65,535 bytes.
    """
    if len(part) > MAX_INPUT:
        raise PasserelleError("oprf_input_invalid", f"an input of {len(part)} bytes")
    return len(part).to_bytes(2, "big") + part
