"""Sealing: a prepared row and its tokens become a record that the hub can keep and not read.

Sections, each under a key of its own, so that one can be disclosed without the others:

- `identity`: what was normalised and the mapped fields it came from;
- `circumstances` and `source`: what `[circumstances]` and `[provenance]` name; left out where a row has
  nothing.

A section is canonical JSON (sorted keys, UTF-8), filled up with blanks to a multiple of 256 bytes, so that
the length the hub sees says little about a name. The partner's own reference is in none of them: it stays
at the connector.

Salts are drawn afresh at every sealing, so sealing again after a crash never uses a key twice. Section keys
are derived again when a batch is closed, and wrapped for the configured recipients under one key-encryption
key per batch and recipient.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from passerelle.batch import SALT_BYTES, token_commitment
from passerelle.catalogue import Catalogue
from passerelle.clock import Clock
from passerelle.codec.header import decode_header, encode_header
from passerelle.record import (
    Header,
    KekWrap,
    RecordAction,
    SealedRecord,
    Section,
    SectionDigest,
    SectionKeyWrap,
)
from passerelle.seal import Purpose, SealLabel
from passerelle.section import SectionLabel
from passerelle.vault import VaultKey, seal_section, section_key
from passerelle.wrap import Kek, wrap_kek, wrap_section_key
from passerelle_connector.model import BatchKeys, KnownRow, OutgoingRecord, PendingRecord, Random, SectionSalt
from passerelle_connector.padding import Token, pad
from passerelle_connector.peers import Peers
from passerelle_connector.prepare import Prepared

IDENTITY: Final = "identity"
SCHEMA: Final = "passerelle.sections/1"
_BLOCK: Final = 256


class Sealer:
    """Seals records under the newest vault key. Safe to share between threads."""

    def __init__(
        self, agency: str, vault: VaultKey, catalogue: Catalogue, padding_secret: bytes, random: Random
    ) -> None:
        self._agency = agency
        self._vault = vault
        self._catalogue = catalogue
        self._padding_secret = padding_secret
        self._random = random

    def seal(self, prepared: Prepared, row: KnownRow, tokens: Sequence[Token]) -> OutgoingRecord:
        """One record, ready for the outbox."""
        kinds, packed = pad(self._catalogue, self._padding_secret, row.record_id, row.protocol, tokens)
        salt = self._random(SALT_BYTES)
        sections: list[Section] = []
        digests: list[SectionDigest] = []
        salts: list[SectionSalt] = []
        for name, plaintext in contents(prepared).items():
            label = SectionLabel(self._agency, row.record_id, row.revision, name)
            part = seal_section(self._vault, label, plaintext, self._random)
            sections.append(Section(name, part.ciphertext))
            digests.append(SectionDigest(name, part.digest, part.length))
            salts.append(SectionSalt(name, part.key_version, part.salt))
        header = Header(
            agency=self._agency,
            record_id=row.record_id,
            revision=row.revision,
            action=RecordAction.PUT,
            entity=prepared.subject.entity,
            marking=prepared.marking,
            lifetime=prepared.lifetime,
            token_commitment=token_commitment(salt, kinds, packed),
            sections=tuple(digests),
        )
        sealed = SealedRecord(encode_header(header), kinds, packed, salt, tuple(sections))
        return OutgoingRecord(row, sealed, tuple(salts))


def withdrawal(header: bytes, row: KnownRow, created: int, random: Random) -> SealedRecord:
    """The withdrawal of a record whose last header this is: that header again, with nothing beneath it.

    `row` carries the revision of the withdrawal; `created` in microseconds.
    """
    last = decode_header(header)
    salt = random(SALT_BYTES)
    empty = last._replace(
        revision=row.revision,
        action=RecordAction.WITHDRAW,
        lifetime=last.lifetime._replace(created=created),
        token_commitment=token_commitment(salt, (), b""),
        sections=(),
    )
    return SealedRecord(encode_header(empty), (), b"", salt)


class BatchKeyMaker:
    """Makes the wraps of a batch when it is closed."""

    def __init__(
        self,
        agency: str,
        vaults: Mapping[int, VaultKey],
        recipients: Sequence[str],
        peers: Peers,
        clock: Clock,
        random: Random,
    ) -> None:
        self._agency = agency
        self._vaults = vaults
        self._recipients = tuple(recipients)
        self._peers = peers
        self._clock = clock
        self._random = random

    @property
    def recipients(self) -> int:
        """How many recipients each batch has."""
        return len(self._recipients)

    def make(self, batch_id: bytes, records: Sequence[PendingRecord]) -> BatchKeys:
        """Key-encryption keys for each recipient, and every section key under each of them.

        Raises:
            PasserelleError: `recipient_unknown`.
        """
        if not self._recipients or not any(record.salts for record in records):  # withdrawals have no section
            return BatchKeys((), ())
        keys = [
            (record.position, label, section_key(self._vaults[salt.key_version], salt.salt, label))
            for record in records
            for salt in record.salts
            for label in (SectionLabel(self._agency, record.record_id, record.revision, salt.section),)
        ]
        keks: list[KekWrap] = []
        wraps: list[tuple[int, SectionKeyWrap]] = []
        for recipient in self._recipients:
            public = self._peers.sealing_key(recipient, self._clock.now())
            kek = Kek.generate(self._random)
            keks.append(wrap_kek(kek, public, SealLabel(self._agency, batch_id, recipient, Purpose.BATCH)))
            wraps.extend(
                (position, SectionKeyWrap(recipient, label.name, wrap_section_key(kek, key, label)))
                for position, label, key in keys
            )
        return BatchKeys(tuple(keks), tuple(wraps))


def contents(prepared: Prepared) -> dict[str, bytes]:
    """The plaintext of each section of a row, by name."""
    raw = prepared.raw
    identity = {"schema": SCHEMA, "normalised": asdict(prepared.subject), "fields": raw.fields}
    parts: dict[str, Mapping[str, Any]] = {IDENTITY: identity}
    for name, fields in raw.sealed.items():
        if fields:
            parts[name] = {"schema": SCHEMA, "fields": fields}
    return {name: _plaintext(part) for name, part in parts.items()}


def _plaintext(part: Mapping[str, Any]) -> bytes:
    plain = json.dumps(part, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    return plain.ljust(-(-len(plain) // _BLOCK) * _BLOCK)
