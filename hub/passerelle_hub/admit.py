"""Admission: unverified bytes in, a verified batch out.

The steps, in this order, so that nothing is parsed before its signature holds:

(1) the signature: both algorithms, over the exact statement bytes, by a key of the caller's manifest;
(2) the statement: this hub as audience, the caller's own agency and connector, a known suite;
(3) the protocol: domain and epoch accepted, normaliser and catalogue the hub's own, clock not ahead;
(4) the chain: the sequence number is the next one and names the batch before it;
(5) the content: record count, header root, recipient digest;
(6) each record: header, token commitment, key kinds, section digests.

Steps 1 to 5 refuse the batch, step 6 refuses the record and the rest goes on.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from passerelle.batch import batch_root, commitment_of, recipient_digest, token_rows
from passerelle.catalogue import Catalogue
from passerelle.clock import SECOND, Clock
from passerelle.codec.header import read_header
from passerelle.codec.statement import decode_statement
from passerelle.errors import PasserelleError
from passerelle.groups import EntityKind
from passerelle.identity import Identity
from passerelle.record import (
    MAX_NAME,
    STATEMENT_TYPE,
    TOKEN_BYTES,
    Batch,
    BatchStatement,
    Header,
    KekWrap,
    Position,
    RecordAction,
    RecordRefusal,
    SealedRecord,
    Section,
    SectionKeyWrap,
)
from passerelle.registry_entry import Status
from passerelle.sign import Signed, verify
from passerelle_hub.domains import Domains
from passerelle_hub.index import Marker, Pepper
from passerelle_hub.registry import Registry

MAX_SKEW = 300 * SECOND
_SHAPES = 4_096


class AdmittedRecord(NamedTuple):
    """A record whose header, tokens and sections agree; `position` is its place in the batch.

    `header` are its exact bytes, `marking` those of its marking alone, as `encode_marking` writes them. The
    rest of the header that is needed stands beside them: what a batch holds on to is slow to come back to.
    Tokens end here: `entries` are their marks, as the index keeps them, each before its kind.
    """

    position: int
    record_id: bytes
    revision: int
    action: RecordAction
    entity: EntityKind
    expiry: int
    embargoed: bool
    marking: bytes
    header: bytes
    kinds: tuple[int, ...]
    entries: tuple[bytes, ...]
    sections: tuple[Section, ...]
    wraps: tuple[SectionKeyWrap, ...]


@dataclass(frozen=True, slots=True)
class AdmittedBatch:
    """A verified batch: the records that passed and those that did not."""

    statement: BatchStatement
    records: tuple[AdmittedRecord, ...]
    refusals: tuple[RecordRefusal, ...]


class Admission:
    """Verifies batches against the registry and the protocol. Safe to share.

    Remembers which kinds of tokens it found right for an entity; the catalogue never changes.
    """

    def __init__(
        self,
        hub: Identity,
        registry: Registry,
        domains: Domains,
        catalogue: Catalogue,
        pepper: Pepper,
        clock: Clock,
    ) -> None:
        self._hub = hub
        self._registry = registry
        self._domains = domains
        self._catalogue = catalogue
        self._pepper = pepper
        self._clock = clock
        self._shapes: set[tuple[EntityKind, tuple[int, ...]]] = set()

    def authenticate(self, signed: Signed, peer: Identity) -> BatchStatement:
        """Steps 1 and 2: who sent this statement.

        Raises:
            PasserelleError: `agency_unknown`, `agency_suspended`, `batch_signature_invalid`,
                `batch_wrong_signer`, `batch_audience_wrong`, `batch_suite_unknown`, `message_malformed`,
                `batch_too_large`.
        """
        if self._registry.entry(peer.agency).status is not Status.ACTIVE:
            raise PasserelleError("agency_suspended", peer.agency)  # checked by the listener as well
        manifest = self._registry.manifest(peer.agency)
        try:  # (1)
            key = manifest.signing_key(signed.signature.key_id, self._clock.now())
            raw = verify(signed, key, STATEMENT_TYPE)
        except PasserelleError as error:
            raise PasserelleError("batch_signature_invalid", error.code) from error
        statement = decode_statement(raw)  # (2)
        if statement.agency != peer.agency or statement.connector != str(peer):
            raise PasserelleError("batch_wrong_signer", "the statement names another agency or connector")
        if statement.audience != str(self._hub):
            raise PasserelleError("batch_audience_wrong", "the statement names another hub")
        return statement

    def place(self, statement: BatchStatement, position: Position) -> None:
        """Step 4: whether this is the agency's next batch.

        Raises:
            PasserelleError: `batch_replayed`, `batch_sequence_gap`, `batch_chain_broken`.
        """
        if statement.sequence < position.next_sequence:
            raise PasserelleError("batch_replayed", f"{statement.sequence} < {position.next_sequence}")
        if statement.sequence > position.next_sequence:
            raise PasserelleError("batch_sequence_gap", f"{statement.sequence} > {position.next_sequence}")
        if statement.previous != position.previous:
            raise PasserelleError("batch_chain_broken", f"at {statement.sequence}")

    def content(self, batch: Batch, statement: BatchStatement) -> AdmittedBatch:
        """Steps 3, 5 and 6.

        Raises:
            PasserelleError: `batch_epoch_wrong`, `batch_normaliser_wrong`, `batch_clock_skew`,
                `batch_incomplete`, `batch_root_mismatch`.
        """
        self._protocol(statement)  # (3)
        if len(batch.records) != statement.records:  # (5)
            raise PasserelleError("batch_incomplete", f"{len(batch.records)} of {statement.records} records")
        if batch_root([record.header for record in batch.records]) != statement.root:
            raise PasserelleError("batch_root_mismatch", f"{statement.records} headers")
        if recipient_digest(batch.keks) != statement.recipients:
            raise PasserelleError("batch_root_mismatch", "recipients stripped or added")
        if not _storable(batch.keks):
            raise PasserelleError("message_malformed", "the name of a recipient")
        records: list[AdmittedRecord] = []
        refusals: list[RecordRefusal] = []
        seen: set[bytes] = set()
        marker = self._pepper.marker(statement.domain, statement.epoch)
        for at, record in enumerate(batch.records):  # (6)
            try:
                admitted = self._record(at, record, statement.agency, marker)
                if admitted.record_id in seen:
                    raise PasserelleError("record_revision_stale", "twice in one batch")
            except PasserelleError as error:
                refusals.append(RecordRefusal(at, error.code))
                continue
            seen.add(admitted.record_id)
            records.append(admitted)
        return AdmittedBatch(statement, tuple(records), tuple(refusals))

    def _protocol(self, statement: BatchStatement) -> None:
        self._domains.check(statement.domain, statement.epoch)
        versions = (statement.normaliser, statement.catalogue)
        if versions != (self._domains.normaliser, self._catalogue.version):
            raise PasserelleError("batch_normaliser_wrong", "normaliser or catalogue version")
        if statement.created > self._clock.now() + MAX_SKEW:
            raise PasserelleError("batch_clock_skew", f"more than {MAX_SKEW // SECOND} s ahead")

    def _record(self, at: int, record: SealedRecord, agency: str, marker: Marker) -> AdmittedRecord:
        header, marking = read_header(record.header)
        if header.agency != agency:
            raise PasserelleError("batch_wrong_signer", f"header {at} names another agency")
        raw, kinds, packed, salt, sealed, wraps = record
        action, entity = header.action, header.entity
        if len(packed) != len(kinds) * TOKEN_BYTES:
            raise PasserelleError("batch_incomplete", f"tokens of record {at}")
        if (entity, kinds) not in self._shapes:
            self._kinds_known(at, entity, kinds)
        tokens = token_rows(kinds, packed)
        if commitment_of(salt, tokens) != header.token_commitment:
            raise PasserelleError("record_token_commitment", f"record {at}")
        if len(set(tokens)) != len(tokens):  # the index could not tell them apart
            raise PasserelleError("tokens_malformed", f"record {at}: a token twice")
        if action is RecordAction.WITHDRAW and (kinds or sealed):
            raise PasserelleError("header_invalid", f"record {at} withdraws and holds content")
        sections = _named(at, header, record)
        return AdmittedRecord(
            at, header.record_id, header.revision, action, entity,
            header.lifetime.expiry, header.marking.embargoed, marking,
            raw, kinds, marker(tokens), sections, wraps,
        )  # fmt: skip

    def _kinds_known(self, at: int, entity: EntityKind, kinds: tuple[int, ...]) -> None:
        for number, count in Counter(kinds).items():
            kind = self._catalogue.kinds.get(number)
            if kind is None or entity not in kind.entities or count > kind.max_values:
                raise PasserelleError("record_kind_unknown", f"record {at}, kind {number}, {count} tokens")
        if len(self._shapes) < _SHAPES:
            self._shapes.add((entity, kinds))


def _named(at: int, header: Header, record: SealedRecord) -> tuple[Section, ...]:
    """The record's sections under the names the header gives them; digests and wraps checked."""
    if len(record.sections) != len(header.sections):
        raise PasserelleError("record_section_mismatch", f"record {at}")
    sections: list[Section] = []
    for (name, digest, length), (_, body) in zip(header.sections, record.sections, strict=True):
        if len(body) != length or hashlib.sha256(body).digest() != digest:
            raise PasserelleError("record_section_mismatch", f"record {at}")
        sections.append(Section(name, body))
    names = {section.name for section in sections}
    if len(names) != len(sections):
        raise PasserelleError("record_section_mismatch", f"record {at}")
    if record.wraps:
        _check_wraps(at, record.wraps, names)
    return tuple(sections)


def _check_wraps(at: int, wraps: Sequence[SectionKeyWrap], names: set[str]) -> None:
    wrapped = {(wrap.recipient, wrap.section) for wrap in wraps}
    if len(wrapped) != len(wraps) or any(wrap.section not in names for wrap in wraps) or not _storable(wraps):
        raise PasserelleError("record_section_mismatch", f"wraps of record {at}")


def _storable(wraps: Iterable[KekWrap | SectionKeyWrap]) -> bool:
    """Whether every database can keep the recipients' names."""
    return all(len(wrap.recipient) <= MAX_NAME and "\0" not in wrap.recipient for wrap in wraps)


def statement_digest(signed: Signed) -> bytes:
    """What the next batch must name as its predecessor (32 bytes)."""
    return hashlib.sha256(signed.payload).digest()
