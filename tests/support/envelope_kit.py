"""A batch as an agency makes it, with everything that a recipient needs to read a section of it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hub_kit import FakeAgency, HubKit

from passerelle.batch import header_paths, recipient_digest, verify_header
from passerelle.codec.header import decode_header, encode_header
from passerelle.codec.statement import decode_statement, encode_statement
from passerelle.record import (
    STATEMENT_TYPE,
    Batch,
    BatchStatement,
    KekWrap,
    SealedRecord,
    SectionKeyWrap,
)
from passerelle.seal import Purpose, SealLabel
from passerelle.section import SectionLabel
from passerelle.sign import Signature, Signed, SigningKey, sign, verify
from passerelle.vault import VaultKey, open_section, seal_section
from passerelle.wrap import Kek, unwrap_kek, unwrap_section_key, wrap_kek, wrap_section_key

RECIPIENT = "intelligence"
PLAIN: Mapping[str, bytes] = {"identity": b"who it is", "source": b"where it is from"}


@dataclass(frozen=True)
class Envelope:
    """A batch of two records, and what is shown to the recipient of it: header, place, path, wraps, section.

    `section` and `record` name what the recipient believes it is shown.
    """

    batch: Batch
    paths: tuple[tuple[bytes, ...], ...]
    record: int = 0
    section: str = "identity"

    @property
    def statement(self) -> BatchStatement:
        return decode_statement(self.batch.signed.payload)

    def signed(self, key: SigningKey, **changes: Any) -> Envelope:
        """Another statement, signed as it should be."""
        said = replace(self.statement, **changes)
        return self.but(signed=sign(key, STATEMENT_TYPE, encode_statement(said)))

    def but(self, **changes: Any) -> Envelope:
        """Something else of the batch, under the signature that was there."""
        return replace(self, batch=replace(self.batch, **changes))

    def with_record(self, **changes: Any) -> Envelope:
        """Something else of the first record."""
        first, *others = self.batch.records
        return self.but(records=(first._replace(**changes), *others))

    def with_header(self, **changes: Any) -> Envelope:
        """The first record's header changed; whoever does that cannot sign it."""
        header = decode_header(self.batch.records[0].header)._replace(**changes)
        return self.with_record(header=encode_header(header))

    def without_signature(self, part: str) -> Envelope:
        """The statement with one kind of signature stripped."""
        mark = self.batch.signed.signature
        kept = {"ed25519": mark.ed25519, "ml_dsa_65": mark.ml_dsa_65} | {part: b""}
        stripped = Signature(mark.key_id, kept["ed25519"], kept["ml_dsa_65"])
        return self.but(signed=replace(self.batch.signed, signature=stripped))


def envelope(agency: FakeAgency, recipient: FakeAgency) -> Envelope:
    """The agency's next batch: two records of two sections, wrapped for the recipient."""
    vault, kek = VaultKey.generate(1), Kek.generate()
    records = [_record(agency, vault, kek, number) for number in ("1", "2")]
    statement = agency.statement(*records)
    label = SealLabel(agency.name, statement.batch_id, RECIPIENT, Purpose.BATCH)
    keks = (wrap_kek(kek, recipient.sealing.public, label),)
    statement = replace(statement, recipients=recipient_digest(keks))
    batch = replace(agency.seal_batch(statement, *records), keks=keks)
    return Envelope(batch, header_paths([record.header for record in records]))


def _record(agency: FakeAgency, vault: VaultKey, kek: Kek, number: str) -> SealedRecord:
    record_id = os.urandom(16)
    sections: dict[str, bytes] = {}
    wraps: list[SectionKeyWrap] = []
    for name, plain in PLAIN.items():
        label = SectionLabel(agency.name, record_id, 1, name)
        sealed = seal_section(vault, label, plain)
        sections[name] = sealed.ciphertext
        wraps.append(SectionKeyWrap(RECIPIENT, name, wrap_section_key(kek, sealed.key, label)))
    made = agency.record({"national number": number}, record_id=record_id, sections=sections)
    return made._replace(wraps=tuple(wraps))


def read(hub: HubKit, recipient: FakeAgency, agency: str, shown: Envelope) -> bytes:
    """What the recipient reads of the section it is shown as the agency's; each step raises where it must.

    Raises:
        PasserelleError: the code of the first thing that does not hold.
    """
    key = hub.core.registry.manifest(agency).signing_key(shown.batch.signed.signature.key_id, hub.clock.now())
    statement = decode_statement(verify(shown.batch.signed, key, STATEMENT_TYPE))
    record = shown.batch.records[shown.record]
    verify_header(record.header, shown.record, statement.records, shown.paths[shown.record], statement.root)
    header = decode_header(record.header)
    label = SectionLabel(statement.agency, header.record_id, header.revision, shown.section)
    sealed = _of(shown.batch.keks, recipient.name)
    kek = unwrap_kek(
        recipient.sealing,
        sealed,
        SealLabel(statement.agency, statement.batch_id, recipient.name, Purpose.BATCH),
    )
    wrapped = next(
        one.wrapped for one in record.wraps if (one.recipient, one.section) == (recipient.name, shown.section)
    )
    section = next(one for one in record.sections if one.name == shown.section)
    return open_section(unwrap_section_key(kek, wrapped, label), label, section.ciphertext)


def _of(keks: Sequence[KekWrap], recipient: str) -> KekWrap:
    return next(one for one in keks if one.recipient == recipient)


def rewrapped(shown: Envelope, **changes: Any) -> Envelope:
    """The first wrap of a section key under another label."""
    first, *others = shown.batch.records[0].wraps
    return shown.with_record(wraps=(first._replace(**changes), *others))


def resigned(shown: Envelope, thief: FakeAgency) -> Envelope:
    """Somebody else's records under a statement of one's own."""
    said = replace(thief.statement(*shown.batch.records), recipients=shown.statement.recipients)
    return shown.but(signed=sign(thief.signing, STATEMENT_TYPE, encode_statement(said)))


__all__ = ["PLAIN", "RECIPIENT", "Envelope", "Signed", "envelope", "read", "resigned", "rewrapped"]
