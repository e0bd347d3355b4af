"""Holdings: what each side believes the hub holds of an agency, compared without sending it all.

Rules
-----
1. Holdings are the active records of one agency, each with its revision. Record ids fall into 256 buckets by
   their first byte; a bucket's digest is SHA-256 over its (record id, revision) pairs in ascending order. So
   equal digests mean equal holdings, and a difference is located within a 256th of them.
2. Only statements about the same instant are compared: both name the place in the agency's chain of batches
   that they were taken at (`Position`), and a comparison across different places means nothing.
3. The hub's answers are signed, and repeat a nonce of the question: an old answer cannot stand in for one.
4. A list holds at most `MAX_LISTED` records; more follow in further questions, from the last id on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from passerelle.record import Position

BUCKETS: Final = 256
MAX_LISTED: Final = 5_000
MAX_COMMON: Final = 1_000
NONCE_BYTES: Final = 16
DIGEST_TYPE: Final = "application/vnd.passerelle.holdings-digest.v1"
LIST_TYPE: Final = "application/vnd.passerelle.holdings-list.v1"

_DOMAIN: Final = b"passerelle/holdings-bucket/1"


class HoldingState(IntEnum):
    """How a record stands at the hub; the numbers are those of the wire."""

    ACTIVE = 1
    WITHDRAWN = 2
    EXPIRED = 3


@dataclass(frozen=True, slots=True)
class Holding:
    """One record at the hub: 16-byte id, revision, how it stands."""

    record_id: bytes
    revision: int
    state: HoldingState = HoldingState.ACTIVE


@dataclass(frozen=True, slots=True)
class TooCommon:
    """A token that so many records carry that it links none: whose record (16-byte id), which kind of key."""

    record_id: bytes
    kind_id: int


@dataclass(frozen=True, slots=True)
class Summary:
    """Active records: how many, and the digest (32 bytes) of each of the 256 buckets."""

    count: int
    buckets: tuple[bytes, ...]

    def differing(self, other: Summary) -> tuple[int, ...]:
        """The buckets whose digests differ, ascending."""
        pairs = zip(self.buckets, other.buckets, strict=True)
        return tuple(at for at, (ours, theirs) in enumerate(pairs) if ours != theirs)


@dataclass(frozen=True, slots=True)
class Comparison:
    """The question for digests: what the connector believes, and the next number of its chain."""

    nonce: bytes
    next_sequence: int
    summary: Summary


@dataclass(frozen=True, slots=True)
class Selection:
    """The question for a list: buckets (one byte each, ascending), from beyond a record id (or empty)."""

    nonce: bytes
    buckets: bytes
    after: bytes = b""


@dataclass(frozen=True, slots=True)
class HoldingsDigest:
    """The hub's answer to a `Comparison`; `taken` in microseconds UTC.

    `common`: tokens of the agency's records that are too common to count, at most `MAX_COMMON`.
    """

    hub: str
    agency: str
    nonce: bytes
    position: Position
    summary: Summary
    taken: int
    common: tuple[TooCommon, ...] = ()


@dataclass(frozen=True, slots=True)
class HoldingsList:
    """The hub's answer to a `Selection`; `more` says that the list goes on beyond the last record."""

    hub: str
    agency: str
    nonce: bytes
    position: Position
    records: tuple[Holding, ...]
    more: bool
    taken: int


def summarise(records: Iterable[tuple[bytes, int]]) -> Summary:
    """The summary of (record id, revision) pairs that come in ascending order.

    Memory does not grow with their number.
    """
    hashes = [hashlib.sha256(_DOMAIN) for _ in range(BUCKETS)]
    count = 0
    for record_id, revision in records:
        hashes[record_id[0]].update(record_id + revision.to_bytes(8, "big"))
        count += 1
    return Summary(count, tuple(bucket.digest() for bucket in hashes))
