"""The record on its way: frozen domain types shared by connector and hub.

Rules
-----
1. A `Header` is what the hub may read of a record. It is signed through its batch: the RFC 6962 root over
   the exact header bytes stands in the `BatchStatement`, which is signed once with both algorithms.
2. Sequence number and previous digest stand in the statement and are assigned at the moment of sending.
3. Nothing here holds an identifier, a name or a narrative.
4. What a batch holds by the thousand is a named tuple, at a third of a frozen class's cost.

All times are microseconds since the Unix epoch (UTC), 0 where absent. Ids are 16 random bytes, digests
32 bytes (SHA-256), tokens 16 bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from passerelle.groups import EntityKind
from passerelle.marking import Marking
from passerelle.sign import Signed

ENVELOPE_VERSION = 1
SUITE = "PASSERELLE-1-MLKEM768X25519-AES256GCM-Ed25519+ML-DSA-65"
ID_BYTES = 16
DIGEST_BYTES = 32
TOKEN_BYTES = 16
MAX_BATCH_RECORDS = 1_000
MAX_BATCH_BYTES = 16 * 1024 * 1024
MAX_FRAME_BYTES = 1024 * 1024
MAX_NAME = 64
"""Characters of a section's, recipient's or domain's name."""
MAX_NUMBER = 2**31 - 1
"""The highest revision or epoch: what a database keeps in 32 bits with a sign."""
MAX_LARGE = 2**63 - 1
"""The highest time, size or place: what a database keeps in 64 bits with a sign."""
GENESIS = bytes(DIGEST_BYTES)
"""What the first batch of an agency names as its predecessor."""

STATEMENT_TYPE = "application/vnd.passerelle.batch-statement.v1"
RECEIPT_TYPE = "application/vnd.passerelle.receipt.v1"
NOTIFICATION_TYPE = "application/vnd.passerelle.notification.v1"


class RecordAction(StrEnum):
    """What a header does to the record it names."""

    PUT = "put"
    WITHDRAW = "withdraw"


class Lifetime(NamedTuple):
    """Dates of a record, each in microseconds (UTC), 0 where absent."""

    created: int
    collected: int = 0
    valid_until: int = 0
    review: int = 0
    expiry: int = 0


class SectionDigest(NamedTuple):
    """What a header says of one sealed section: its name, SHA-256 of the ciphertext, length in bytes."""

    name: str
    digest: bytes
    length: int


class Header(NamedTuple):
    """Everything of one record that the hub may read."""

    agency: str
    record_id: bytes
    revision: int
    action: RecordAction
    entity: EntityKind
    marking: Marking
    lifetime: Lifetime
    token_commitment: bytes
    sections: tuple[SectionDigest, ...] = ()
    version: int = ENVELOPE_VERSION


class Section(NamedTuple):
    """One sealed section beside its header: name and ciphertext."""

    name: str
    ciphertext: bytes


class SectionKeyWrap(NamedTuple):
    """One section key under a recipient's key-encryption key of this batch."""

    recipient: str
    section: str
    wrapped: bytes


class SealedRecord(NamedTuple):
    """A record ready for delivery.

    `header` are the exact bytes that are signed; `kinds` are uint16 key kinds, one per 16-byte token in
    `tokens` (packed, sorted by kind then token); `salt` (32 bytes) opens the token commitment to the hub.
    """

    header: bytes
    kinds: tuple[int, ...]
    tokens: bytes
    salt: bytes
    sections: tuple[Section, ...] = ()
    wraps: tuple[SectionKeyWrap, ...] = ()


@dataclass(frozen=True, slots=True)
class KekWrap:
    """A batch's key-encryption key, sealed by HPKE to one recipient's sealing key."""

    recipient: str
    key_id: bytes
    sealed: bytes


@dataclass(frozen=True, slots=True)
class BatchStatement:
    """What an agency signs for a batch. `root` covers the headers, `recipients` the key-encryption wraps.

    `chances` are those that the connector measured (`passerelle.chances`), empty for none.
    """

    audience: str
    agency: str
    connector: str
    domain: str
    batch_id: bytes
    sequence: int
    previous: bytes
    records: int
    root: bytes
    recipients: bytes
    epoch: int
    normaliser: str
    catalogue: str
    created: int
    version: int = ENVELOPE_VERSION
    suite: str = SUITE
    chances: bytes = b""


@dataclass(frozen=True, slots=True)
class RecordRefusal:
    """A record the hub did not take: position in the batch, error code, reason codes of the decision."""

    index: int
    code: str
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Receipt:
    """The hub's signed promise for one batch.

    `code` is empty for an accepted batch. A refused batch consumes its sequence number all the same
    (`consumed`), unless the hub could not tell that the agency sent it, or the number was not the next.
    `merge_delay` bounds, in microseconds, when the log holds the submission.
    """

    hub: str
    agency: str
    batch_id: bytes
    sequence: int
    statement_digest: bytes
    code: str
    consumed: bool
    refusals: tuple[RecordRefusal, ...]
    received: int
    merge_delay: int
    audit_event: bytes

    @property
    def accepted(self) -> bool:
        """Whether the batch was taken (single records may still have been refused)."""
        return not self.code


@dataclass(frozen=True, slots=True)
class Position:
    """Where an agency's chain of batches stands at the hub: the next sequence number and its predecessor."""

    next_sequence: int
    previous: bytes


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch as it travels: the signed statement, its records, the key-encryption wraps.

    Built by the connector, or put together from frames by the hub; in the latter case nothing of it is
    verified until `passerelle_hub.admit` has returned.
    """

    signed: Signed
    records: tuple[SealedRecord, ...]
    keks: tuple[KekWrap, ...] = ()
