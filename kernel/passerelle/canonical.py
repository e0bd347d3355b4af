"""One unambiguous encoding of tuples, for hashes, HPKE `info` and associated data.

Rules
-----
1. Every part is one tag byte, the length of its content as 8 bytes big-endian, and the content. Different
   part lists never share an encoding, so nothing can be moved from one field into its neighbour.
2. Bytes are tagged `b`; text `s`, in UTF-8; integers `i`, two's complement, big-endian, of the length that
   `_integer` states; tuples `t`, holding the encoding of their parts.
3. A bool is refused: as an integer it would equal 0 or 1 under a different meaning.
4. Nothing is ever decoded. What was signed or sealed is kept as the exact bytes and never encoded a second
   time.

Each use starts with a domain text of its own (`passerelle/<use>/<version>`), so that a digest made for one
use means nothing in another.
"""

from __future__ import annotations

import hashlib
from typing import TypeAlias

Part: TypeAlias = "bytes | str | int | tuple[Part, ...]"

_LENGTH = 8
_FEW = 256
_BYTES, _TEXT, _INTEGER, _TUPLE = (
    tuple([tag + size.to_bytes(_LENGTH, "big") for size in range(_FEW)]) for tag in (b"b", b"s", b"i", b"t")
)
"""What stands before contents of each kind, by their length, where that is short."""


def encode(*parts: Part) -> bytes:
    """The encoding of a list of parts.

    Raises:
        TypeError: a part of another type (rule 3); a programming error.
    """
    return b"".join([encode_part(part) for part in parts])


def encode_part(part: Part) -> bytes:
    """`encode` of one part, for where parts are encoded by the thousand.

    Raises:
        TypeError: as `encode`.
    """
    if isinstance(part, bytes):
        heads, content = _BYTES, part
    elif isinstance(part, str):  # enumerations of text count as their text
        heads, content = _TEXT, part.encode()
    elif isinstance(part, tuple):
        heads, content = _TUPLE, encode(*part)
    elif type(part) is int:
        heads, content = _INTEGER, _integer(part)
    else:
        raise TypeError(f"{type(part).__name__} has no canonical encoding")
    size = len(content)
    return (heads[size] if size < _FEW else _head(heads, size)) + content


def encode_bytes(content: bytes) -> bytes:
    """`encode` of bytes alone, for where it is asked of by the thousand."""
    size = len(content)
    return (_BYTES[size] if size < _FEW else _head(_BYTES, size)) + content


def digest(domain: str, *parts: Part) -> bytes:
    """SHA-256 (32 bytes) over a domain text and parts."""
    return hashlib.sha256(encode(domain, *parts)).digest()


def _head(heads: tuple[bytes, ...], size: int) -> bytes:
    return heads[0][:1] + size.to_bytes(_LENGTH, "big")


def _integer(value: int) -> bytes:
    """Two's complement, one sign bit more than the magnitude needs, whole bytes."""
    return value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True)
