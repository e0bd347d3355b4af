"""For tests of the connector: keys, entries, a hub in memory that signs receipts, a store on disk."""

from __future__ import annotations

import datetime
import hashlib
import itertools
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from parties import HUB, entry_of, manifest_of, sealed_record

from passerelle.batch import batch_root, recipient_digest
from passerelle.clock import ManualClock
from passerelle.codec.frames import Assembler, frames
from passerelle.codec.header import decode_header
from passerelle.codec.notification import encode_notification
from passerelle.codec.statement import decode_statement, encode_receipt
from passerelle.federation import Federation
from passerelle.identity import Identity, Role
from passerelle.notification import Notification
from passerelle.notification_seal import seal_notifications
from passerelle.record import (
    GENESIS,
    NOTIFICATION_TYPE,
    RECEIPT_TYPE,
    STATEMENT_TYPE,
    Batch,
    Position,
    Receipt,
    RecordRefusal,
)
from passerelle.registry_entry import Status, sign_entry
from passerelle.seal import SealingKey
from passerelle.sign import Signed, SigningKey, sign, verify
from passerelle.vault import VaultKey
from passerelle_connector.deliver import Delivery
from passerelle_connector.inbox import Inbox
from passerelle_connector.model import KnownRow, OutgoingRecord, SectionSalt, TokenProtocol
from passerelle_connector.outbox import Outbox
from passerelle_connector.peers import Peers
from passerelle_connector.ports import SealedNotification
from passerelle_connector.sealing import BatchKeyMaker
from passerelle_connector.store import Database, InboxStore, OutboxStore, RowStore

POLICE = Identity("police.example", Role.CONNECTOR, "police")
CUSTOMS = Identity("customs.example", Role.CONNECTOR, "customs")
PROTOCOL = TokenProtocol("norm/1", "keys/1", "ter", 1)


def make_root() -> bytes:
    """A self-signed certificate; nothing here verifies chains."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "root")])
    start = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=3650))
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM)


@dataclass(frozen=True)
class Party:
    """One agency with its keys."""

    identity: Identity
    manifest: SigningKey
    signing: SigningKey
    sealing: SealingKey

    @classmethod
    def make(cls, identity: Identity) -> Party:
        return cls(identity, SigningKey.generate(), SigningKey.generate(), SealingKey.generate())

    def entry(
        self, registry: SigningKey, root: bytes, status: Status = Status.ACTIVE, revision: int = 1
    ) -> Signed:
        manifest = manifest_of(
            self.identity, self.manifest, self.signing.public, self.sealing.public, 0, 2**60
        )
        entry = entry_of(self.identity, root, manifest, revision, status=status, revision=revision)
        return sign_entry(registry, entry)


@dataclass(frozen=True)
class Cast:
    """Everybody; made once, keys are costly."""

    registry: SigningKey
    root: bytes
    hub: Party
    police: Party
    customs: Party

    def peers(self) -> Peers:
        federation = Federation(POLICE.trust_domain, self.root)
        peers = Peers(federation, self.registry.public, HUB.agency)
        peers.accept(party.entry(self.registry, self.root) for party in (self.hub, self.police, self.customs))
        return peers


def make_cast() -> Cast:
    """Fresh keys for everybody."""
    parties = (Party.make(identity) for identity in (HUB, POLICE, CUSTOMS))
    return Cast(SigningKey.generate(), make_root(), *parties)


def counted_random() -> Callable[[int], bytes]:
    """Different bytes at every call, the same in every run."""
    numbers = itertools.count(1)
    return lambda size: hashlib.shake_128(next(numbers).to_bytes(8, "big")).digest(size)


@dataclass
class FakeHub:
    """An in-memory hub: checks what a hub checks of the chain, signs receipts, keeps notifications.

    `before` and `after` are called around taking a batch and may raise, as the network does. `verdicts` are
    codes for the next batches (empty: accepted), `unconsumed` those that leave the number free, `refusals`
    by record id; `taken` are number and revision of the records it accepted.
    """

    party: Party
    peer: Party
    clock: ManualClock
    position: Position = field(default_factory=lambda: Position(1, GENESIS))
    receipts: dict[bytes, Signed] = field(default_factory=dict)
    taken: list[tuple[int, int]] = field(default_factory=list)
    batches: list[Batch] = field(default_factory=list)
    verdicts: list[str] = field(default_factory=list)
    unconsumed: frozenset[str] = frozenset()
    refusals: dict[bytes, RecordRefusal] = field(default_factory=dict)
    before: Callable[[], None] = lambda: None
    after: Callable[[], None] = lambda: None
    forge: Callable[[Receipt], Receipt] = lambda receipt: receipt
    notices: list[SealedNotification] = field(default_factory=list)
    acknowledged: list[int] = field(default_factory=list)

    async def submit(self, batches: AsyncIterator[Batch]) -> AsyncIterator[Position | Signed]:
        yield self.position
        assembler = Assembler()
        async for sent in batches:
            self.before()
            batch = None
            for frame in frames(sent):
                batch = assembler.feed(frame)
            assert batch is not None
            receipt = self.take(batch)
            self.after()
            yield receipt

    def take(self, batch: Batch) -> Signed:
        statement = decode_statement(verify(batch.signed, self.peer.signing.public, STATEMENT_TYPE))
        if statement.batch_id in self.receipts:
            return self.receipts[statement.batch_id]
        digest = hashlib.sha256(batch.signed.payload).digest()
        code = self.verdicts.pop(0) if self.verdicts else ""
        consumed = code not in self.unconsumed
        if consumed:
            assert (statement.sequence, statement.previous) == (
                self.position.next_sequence,
                self.position.previous,
            )
            assert statement.root == batch_root([record.header for record in batch.records])
            assert statement.recipients == recipient_digest(batch.keks)
            self.position = Position(statement.sequence + 1, digest)
            self.batches.append(batch)
        refusals: list[RecordRefusal] = []
        for index, record in enumerate(batch.records):
            header = decode_header(record.header)
            if header.record_id in self.refusals:
                row = self.refusals[header.record_id]
                refusals.append(RecordRefusal(index, row.code, row.reasons))
            elif not code:
                self.taken.append((int.from_bytes(header.record_id, "big"), header.revision))
        receipt = Receipt(
            hub=str(HUB),
            agency=statement.agency,
            batch_id=statement.batch_id,
            sequence=statement.sequence,
            statement_digest=digest,
            code=code,
            consumed=consumed,
            refusals=tuple(refusals) if not code else (),
            received=self.clock.now(),
            merge_delay=0,
            audit_event=bytes(32),
        )
        signed = sign(self.party.signing, RECEIPT_TYPE, encode_receipt(self.forge(receipt)))
        if consumed:
            self.receipts[statement.batch_id] = signed
        return signed

    def notify(self, notification: Notification, sequence: int, signer: SigningKey | None = None) -> None:
        signed = sign(signer or self.party.signing, NOTIFICATION_TYPE, encode_notification(notification))
        public = self.peer.sealing.public
        sealed = seal_notifications(public, str(HUB), POLICE.agency, {sequence: signed})
        self.notices.append(SealedNotification(sequence, sealed[sequence], public.key_id))

    async def notifications(
        self, cursor: int, acknowledgements: AsyncIterator[int]
    ) -> AsyncIterator[SealedNotification]:
        if cursor:
            self.acknowledged.append(await anext(acknowledgements))
        for notice in [notice for notice in self.notices if notice.sequence > cursor]:
            yield notice
            self.acknowledged.append(await anext(acknowledgements))


def make_record(number: int, revision: int = 1, protocol: TokenProtocol = PROTOCOL) -> OutgoingRecord:
    """A record with one token and one section."""
    record_id = number.to_bytes(16, "big")
    tokens = hashlib.sha256(record_id).digest()[:16]
    body = b"ciphertext %d %d" % (number, revision)
    row = KnownRow(f"P{number}", record_id, revision, hashlib.sha256(body).digest(), str(protocol), 0)
    sealed = sealed_record(
        POLICE.agency,
        record_id,
        (1,),
        tokens,
        {"identity": body},
        created=1,
        salt=bytes(32),
        revision=revision,
    )
    return OutgoingRecord(row, sealed, (SectionSalt("identity", 1, bytes([number % 256]) * 32),))


@dataclass
class Desk:
    """A connector without source and trustees: store, outbox, delivery and inbox, re-opened at will."""

    cast: Cast
    hub: FakeHub
    folder: Path
    clock: ManualClock
    recipients: tuple[str, ...] = ()
    random: Callable[[int], bytes] = field(default_factory=counted_random)
    open_database: Callable[[Path], Database] = Database

    def __post_init__(self) -> None:
        self.database: Database | None = None
        self.reopen()

    def reopen(self) -> None:
        """What a restart of the process does."""
        self.close()
        self.database = self.open_database(self.folder / "connector.db")
        peers = self.cast.peers()
        self.rows = RowStore(self.database)
        self.store = OutboxStore(self.database)
        maker = BatchKeyMaker(
            POLICE.agency, {1: VaultKey(1, bytes(32))}, self.recipients, peers, self.clock, self.random
        )
        self.outbox = Outbox(self.store, maker, 3, self.clock, self.random)
        police = self.cast.police
        self.delivery = Delivery(POLICE, HUB, self.store, self.hub, lambda: police.signing, peers, self.clock)
        self.notices = InboxStore(self.database)
        keys = {police.sealing.public.key_id: police.sealing}
        self.inbox = Inbox(
            POLICE.agency, HUB, self.notices, self.rows, self.hub, keys, peers, self.clock, 0.0
        )

    def close(self) -> None:
        if self.database is not None:
            self.database.close()

    def put(self, *numbers: int, revision: int = 1) -> None:
        self.outbox.put([make_record(number, revision) for number in numbers], (), (), 0)

    async def deliver(self) -> int:
        return await self.delivery.run(until_empty=True)


MakeDesk = Callable[..., Desk]
