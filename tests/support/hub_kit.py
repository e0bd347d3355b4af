"""A hub in one process and agencies that speak to it with made-up tokens: what the hub's tests stand on.

Everything is real (database file, policies in their child process, signatures, sealing) but the sockets,
the clock and the tokens, which here are digests of a word, so that a test can say who shares what.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from parties import HUB, MARKING, entry_of, manifest_of, sealed_record
from store_kit import migrated

from passerelle.batch import batch_root, recipient_digest
from passerelle.catalogue import catalogue
from passerelle.clock import DAY, ManualClock
from passerelle.codec.notification import decode_notification
from passerelle.codec.statement import decode_receipt, encode_statement
from passerelle.errors import PasserelleError
from passerelle.groups import EntityKind
from passerelle.identity import Identity, Role
from passerelle.marking import (
    Marking,
)
from passerelle.notification import Notification
from passerelle.notification_seal import open_notification
from passerelle.record import (
    GENESIS,
    NOTIFICATION_TYPE,
    RECEIPT_TYPE,
    STATEMENT_TYPE,
    Batch,
    BatchStatement,
    Receipt,
    RecordAction,
    SealedRecord,
)
from passerelle.registry_entry import RegistryEntry, Status, sign_entry
from passerelle.seal import SealingKey
from passerelle.sign import Signed, SigningKey, sign, verify
from passerelle_hub.compose import Core, build_core
from passerelle_hub.domains import Domains
from passerelle_hub.following import Workshop
from passerelle_hub.foundation import Foundation
from passerelle_hub.policy.bundle import Bundle
from passerelle_hub.policy.engine import Engine
from passerelle_hub.policy.model import PolicyInput
from passerelle_hub.policy.signatures import Signers
from passerelle_hub.store import Database
from passerelle_pki.ceremony import create_authority

YEAR = 365 * DAY
DOMAIN = "ter"


def token(kind: int, word: str) -> bytes:
    """A made-up token: equal words under one kind give equal tokens."""
    return hashlib.sha256(f"{kind}:{word}".encode()).digest()[:16]


@dataclass
class FakeAgency:
    """One agency: keys, chain of batches, inbox."""

    name: str
    roots: bytes
    clock: ManualClock
    signing: SigningKey = field(default_factory=SigningKey.generate)
    sealing: SealingKey = field(default_factory=SealingKey.generate)
    manifest_key: SigningKey = field(default_factory=SigningKey.generate)
    sequence: int = 0
    previous: bytes = GENESIS
    epoch: int = 1

    @property
    def identity(self) -> Identity:
        return Identity(f"{self.name}.example", Role.CONNECTOR, self.name)

    def entry(self, *, revision: int = 1, status: Status = Status.ACTIVE) -> RegistryEntry:
        now, sealing = self.clock.now(), self.sealing.public
        manifest = manifest_of(
            self.identity, self.manifest_key, self.signing.public, sealing, now, now + YEAR
        )
        return entry_of(self.identity, self.roots, manifest, now, status=status, revision=revision)

    def record(
        self,
        words: Mapping[str, str],
        *,
        record_id: bytes | None = None,
        revision: int = 1,
        action: RecordAction = RecordAction.PUT,
        marking: Marking = MARKING,
        entity: EntityKind = EntityKind.PERSON,
        sections: Mapping[str, bytes] | None = None,
    ) -> SealedRecord:
        """A record with one made-up token per key kind named."""
        kinds = sorted(catalogue().named(name).id for name in words)
        names = {catalogue().named(name).id: word for name, word in words.items()}
        tokens = b"".join(token(kind, names[kind]) for kind in kinds)
        return sealed_record(
            self.name,
            record_id or os.urandom(16),
            kinds,
            tokens,
            sections or {},
            created=self.clock.now(),
            salt=os.urandom(32),
            revision=revision,
            action=action,
            marking=marking,
            entity=entity,
        )

    def statement(self, *records: SealedRecord, domain: str = DOMAIN) -> BatchStatement:
        """The next statement over some records."""
        return BatchStatement(
            audience=str(HUB),
            agency=self.name,
            connector=str(self.identity),
            domain=domain,
            batch_id=os.urandom(16),
            sequence=self.sequence + 1,
            previous=self.previous,
            records=len(records),
            root=batch_root([record.header for record in records]),
            recipients=recipient_digest(()),
            epoch=self.epoch,
            normaliser="norm/1",
            catalogue=catalogue().version,
            created=self.clock.now(),
        )

    def seal_batch(self, statement: BatchStatement, *records: SealedRecord) -> Batch:
        """Sign a statement over records."""
        return Batch(sign(self.signing, STATEMENT_TYPE, encode_statement(statement)), records)

    def batch(self, *records: SealedRecord, domain: str = DOMAIN) -> Batch:
        """The next batch of some records."""
        return self.seal_batch(self.statement(*records, domain=domain), *records)

    def took(self, batch: Batch) -> None:
        """The hub used up the batch's number."""
        self.sequence += 1
        self.previous = hashlib.sha256(batch.signed.payload).digest()


@dataclass
class HubKit:
    """A hub's core, its agencies, one clock."""

    core: Core
    clock: ManualClock
    registry_key: SigningKey
    roots: bytes
    agencies: dict[str, FakeAgency] = field(default_factory=dict)

    def agency(self, name: str) -> FakeAgency:
        """A registered agency."""
        if name not in self.agencies:
            made = FakeAgency(name, self.roots, self.clock)
            self.register(made.entry())
            self.agencies[name] = made
        return self.agencies[name]

    def register(self, entry: RegistryEntry) -> None:
        """Add an entry as pki would sign it."""
        with self.core.database.write() as tx:
            self.core.registry.add(tx, sign_entry(self.registry_key, entry))

    def submit(self, agency: FakeAgency, *records: SealedRecord, domain: str = DOMAIN) -> Receipt:
        """Send records as the agency's next batch."""
        batch = agency.batch(*records, domain=domain)
        receipt = self.receipt(self.core.intake.receive(batch, agency.identity))
        if receipt.consumed:
            agency.took(batch)
        return receipt

    def receipt(self, signed: Signed) -> Receipt:
        """The verified receipt inside."""
        return decode_receipt(verify(signed, self.core.foundation.signing_key.public, RECEIPT_TYPE))

    def beat(self) -> None:
        """One tick, a second later."""
        self.clock.advance(1_000_000)
        self.core.pulse.beat()

    def inbox(self, agency: FakeAgency, cursor: int = 0) -> list[Notification]:
        """What an agency's stream would bring, opened and verified."""
        notes: list[Notification] = []
        for stored in self.core.outgoing.after(agency.identity, cursor):
            signed = open_notification(agency.sealing, str(HUB), agency.name, stored.sequence, stored.sealed)
            payload = verify(signed, self.core.foundation.signing_key.public, NOTIFICATION_TYPE)
            notes.append(decode_notification(payload))
        return notes


@cache
def _roots(now: int) -> bytes:
    """Roots of an authority made at that time; nobody signs with it."""
    with tempfile.TemporaryDirectory() as folder:
        return create_authority(Path(folder) / "authority", "example", ManualClock(now)).roots


@contextmanager
def hub_kit(
    folder: Path,
    engine: Engine,
    bundle: Bundle,
    url: str = "",
    *,
    signers: Signers | None = None,
    workshop: Workshop | None = None,
    clock: ManualClock | None = None,
) -> Iterator[HubKit]:
    """A hub on a fresh database (a file in the folder without a URL); the policy engine is the caller's.

    A database that is named has the newest schema already.
    """
    clock = clock or ManualClock()
    roots = _roots(clock.now())
    registry_key = SigningKey.generate()
    base = Foundation(
        identity=HUB,
        director="coordination",
        home_roots=roots,
        registry_key=registry_key.public,
        signing_key=SigningKey.generate(),
        pepper=os.urandom(32),
        domains=Domains({"ter": (1,), "lists": (1,)}),
        bundle=bundle,
        engine=engine,
        clock=clock,
        signers=signers or Signers(),
        workshop=workshop,
        require_lists=False,  # its agencies have no authorities that could make lists
    )
    database = Database(url or migrated(folder / "hub.db"))
    core = build_core(base, database)
    try:
        yield HubKit(core, clock, registry_key, roots)
    finally:
        core.leader.close()
        database.close()


@dataclass
class Outage:
    """A policy engine that does not answer while `down`."""

    engine: Engine
    down: bool = False

    def evaluate(self, package: str, requests: Mapping[str, PolicyInput], /) -> Mapping[str, object]:
        if self.down:
            raise PasserelleError("policy_engine_down", "made to fail by a test")
        return self.engine.evaluate(package, requests)

    def close(self) -> None:
        self.engine.close()


def altered(statement: BatchStatement, **changes: object) -> BatchStatement:
    """A statement with other fields."""
    return replace(statement, **changes)  # type: ignore[arg-type]  # field names are checked by the call itself
