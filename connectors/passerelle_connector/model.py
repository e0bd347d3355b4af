"""Frozen types that the connector's steps and its store share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from passerelle.record import GENESIS, KekWrap, SealedRecord, SectionKeyWrap
from passerelle.sign import Signed

Random = Callable[[int], bytes]
"""That many random bytes."""


@dataclass(frozen=True, slots=True)
class TokenProtocol:
    """What tokens depend on beside the value: one batch holds records of one such protocol."""

    normaliser: str
    catalogue: str
    domain: str
    epoch: int

    def __str__(self) -> str:
        return f"{self.normaliser} {self.catalogue} {self.domain} {self.epoch}"

    @classmethod
    def parse(cls, text: str) -> TokenProtocol:
        """The protocol that `str()` wrote."""
        normaliser, catalogue, domain, epoch = text.split(" ")
        return cls(normaliser, catalogue, domain, int(epoch))


class RowState(StrEnum):
    """How a row stands. All but `active` and `refused` are withdrawn at the hub, or about to be.

    `active`: its last revision was put. `refused`: the row has changed and goes no further, an earlier
    revision is still out. `withdrawn`: put again as soon as the source has it. `held`: withdrawn by hand,
    and not put again until a person releases it.
    """

    ACTIVE = "active"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    HELD = "held"


@dataclass(frozen=True, slots=True)
class KnownRow:
    """What the connector remembers of a row: its record, the last revision, digest and protocol of it.

    `protocol` names normaliser, catalogue and epoch; another one than today's means that the row must be
    tokenised again. `seen_run` is the last reading that met the row: what a complete later reading did not
    meet has vanished.
    """

    reference: str
    record_id: bytes
    revision: int
    digest: bytes
    protocol: str
    seen_run: int
    state: RowState = RowState.ACTIVE


@dataclass(frozen=True, slots=True)
class Reject:
    """Why a row, a file or one of its fields was set aside. `fatal`: the row was not (or not fully) taken.

    `reference` is the partner's own or `file:line`; `reasons` are reason codes of a policy decision; `at` is
    in microseconds (UTC). Holds no value of the row.
    """

    reference: str
    code: str
    target: str
    fatal: bool
    at: int
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SectionSalt:
    """What a section's key is derived from beside the vault key: vault key version and 32 random bytes."""

    section: str
    key_version: int
    salt: bytes


@dataclass(frozen=True, slots=True)
class OutgoingRecord:
    """A sealed record before it has a batch: what travels and what stays (reference, salts)."""

    row: KnownRow
    sealed: SealedRecord
    salts: tuple[SectionSalt, ...]


@dataclass(frozen=True, slots=True)
class PendingRecord:
    """A record of the outbox: `position` is its durable number, the rest what sealing made."""

    position: int
    record_id: bytes
    revision: int
    sealed: SealedRecord
    salts: tuple[SectionSalt, ...]


class BatchState(StrEnum):
    """`closed`: contents fixed, never sent. `sent`: signed, perhaps at the hub. `receipted`: done."""

    CLOSED = "closed"
    SENT = "sent"
    RECEIPTED = "receipted"


@dataclass(frozen=True, slots=True)
class ClosedBatch:
    """A batch whose contents are fixed; `signed` is the statement once it was made for sending."""

    number: int
    batch_id: bytes
    created: int
    protocol: TokenProtocol
    record_ids: tuple[bytes, ...]
    records: tuple[SealedRecord, ...]
    keks: tuple[KekWrap, ...]
    signed: Signed | None = None


@dataclass(frozen=True, slots=True)
class BatchKeys:
    """The wraps made when a batch is closed: key-encryption keys, and per position the section keys."""

    keks: tuple[KekWrap, ...]
    wraps: tuple[tuple[int, SectionKeyWrap], ...]


@dataclass(frozen=True, slots=True)
class ChainPosition:
    """The last sequence number used up, and the digest of its statement (`GENESIS` before the first)."""

    sequence: int = 0
    digest: bytes = GENESIS


@dataclass(frozen=True, slots=True)
class InboxItem:
    """A stored notification: its sequence number, the signed bytes, when it arrived (microseconds, UTC)."""

    sequence: int
    signed: Signed
    received: int


@dataclass(frozen=True, slots=True)
class Wait:
    """Why a part of the connector waits: `part` is `source`, `withdraw`, `deliver` or `inbox`."""

    part: str
    code: str
    since: int
