"""Two agencies and a hub in one process, with a network between them that fails as told.

Everything is real from the outbox to the inbox and from admission to the log: stores on disk, signatures,
sealing, policy. Faked are sockets, time and tokens. Both sides start again from their stores at will.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from hub_kit import FakeAgency, HubKit, Outage, hub_kit
from parties import HUB, MARKING
from simulator import register_hub
from sqlalchemy import select

from passerelle.codec.frames import Assembler, frames
from passerelle.codec.header import decode_header
from passerelle.codec.signed import decode_signed
from passerelle.codec.statement import decode_receipt
from passerelle.errors import PasserelleError
from passerelle.federation import Federation
from passerelle.marking import AgeBand
from passerelle.record import Batch, Position, RecordAction
from passerelle.registry_entry import Status
from passerelle.sign import Signed
from passerelle_connector.deliver import Delivery
from passerelle_connector.inbox import Inbox
from passerelle_connector.model import KnownRow, OutgoingRecord, TokenProtocol
from passerelle_connector.outbox import Outbox
from passerelle_connector.peers import Peers
from passerelle_connector.ports import SealedNotification
from passerelle_connector.sealing import BatchKeyMaker
from passerelle_connector.store import (
    Database,
    InboxStore,
    OutboxStore,
    RowStore,
    tables,
)
from passerelle_hub.compose import build_core
from passerelle_hub.policy.bundle import Bundle
from passerelle_hub.policy.engine import Engine
from passerelle_hub.store import Database as HubDatabase

PROTOCOL = TokenProtocol("norm/1", "keys/1", "ter", 1)
SIDES = ("customs", "police")
DENIED = "denied"
"""A word that policy refuses: a record of a child."""
BATCH = 2


@dataclass(frozen=True)
class Row:
    """What a row says last: its word, the revision that says it; no word is a row that vanished."""

    revision: int
    word: str


@dataclass
class Network:
    """The hub as one agency reaches it.

    `fates` are what happens to the next batches: `lost` on the way, `late` (it arrives when `deliver_late`
    says so), `unanswered` (its receipt is lost), `twice`; then all arrive. `reading` is what happens to the
    next stream of notifications: `cut` after one, `deaf` (no acknowledgement arrives), `repeated` (from the
    beginning, whatever the cursor), `reordered`.
    """

    kit: HubKit
    agency: FakeAgency
    fates: list[str] = field(default_factory=list)
    reading: str = ""
    late: list[Batch] = field(default_factory=list)
    carried: dict[bytes, Sequence[tuple[bytes, int, RecordAction]]] = field(default_factory=dict)

    async def submit(self, batches: AsyncIterator[Batch]) -> AsyncIterator[Position | Signed]:
        """See `HubPort.submit`."""
        yield self.kit.core.intake.position(self.agency.identity)
        async for batch in batches:
            fate = self.fates.pop(0) if self.fates else ""
            if fate == "late":
                self.late.append(batch)
            if fate in {"late", "lost"}:
                raise PasserelleError("peer_unavailable", "made to fail by a test")
            receipt = self.arrive(batch)
            if fate == "twice":
                assert decode_receipt(self.arrive(batch).payload).batch_id
            if fate == "unanswered":
                raise PasserelleError("peer_unavailable", "made to fail by a test")
            yield receipt

    def arrive(self, batch: Batch) -> Signed:
        """The hub's answer to a batch, through frames and back."""
        assembler, arrived = Assembler(), None
        for frame in frames(batch):
            arrived = assembler.feed(frame)
        assert arrived is not None
        receipt = self.kit.core.intake.receive(arrived, self.agency.identity)
        heads = [decode_header(record.header) for record in batch.records]
        carried = [(head.record_id, head.revision, head.action) for head in heads]
        self.carried[decode_receipt(receipt.payload).batch_id] = carried
        return receipt

    def deliver_late(self) -> None:
        """What was held up arrives, newest first; its answers reach nobody."""
        while self.late:
            self.arrive(self.late.pop())

    async def notifications(
        self, cursor: int, acknowledgements: AsyncIterator[int]
    ) -> AsyncIterator[SealedNotification]:
        """See `HubPort.notifications`; ends when there is nothing more."""
        self.kit.core.outgoing.open(self.agency.identity, cursor)
        start = 0 if self.reading == "repeated" else cursor
        page = list(self.kit.core.outgoing.after(self.agency.identity, start))
        if self.reading == "reordered":
            page.reverse()
        if cursor:
            await self._acknowledge(acknowledgements)
        for note in page[: 1 if self.reading == "cut" else None]:
            yield SealedNotification(note.sequence, note.sealed, note.key_id)
            await self._acknowledge(acknowledgements)

    async def _acknowledge(self, numbers: AsyncIterator[int]) -> None:
        if self.reading != "deaf":
            self.kit.core.outgoing.acknowledge(self.agency.identity, await anext(numbers))


@dataclass
class Side:
    """One agency: its connector over its store, and what its rows say."""

    kit: HubKit
    agency: FakeAgency
    file: Path
    network: Network
    rows: dict[int, Row] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.database = Database(self.file)
        self.restart()

    def restart(self) -> None:
        """What a restart of the process does."""
        self.close()
        kit, agency, identity = self.kit, self.agency, self.agency.identity
        self.database = database = Database(self.file)
        peers = Peers(Federation(identity.trust_domain, kit.roots), kit.registry_key.public, HUB.agency)
        peers.accept(kit.core.registry.signed_entries())
        store = OutboxStore(database)
        maker = BatchKeyMaker(agency.name, {}, (), peers, kit.clock, os.urandom)
        self.outbox = Outbox(store, maker, BATCH, kit.clock, os.urandom)
        self._delivery = Delivery(
            identity, HUB, store, self.network, lambda: agency.signing, peers, kit.clock
        )
        keys = {agency.sealing.public.key_id: agency.sealing}
        self._inbox = Inbox(
            agency.name,
            HUB,
            InboxStore(database),
            RowStore(database),
            self.network,
            keys,
            peers,
            kit.clock,
            pause=0.0,
        )

    def close(self) -> None:
        """Give the store back."""
        self.database.close()

    def put(self, number: int, word: str) -> None:
        """A row is new, says something else, or vanished (no word)."""
        before = self.rows.get(number, Row(0, ""))
        if (before.word, before.revision > 0) == (word, bool(word)) or not (word or before.word):
            return
        row = self.rows[number] = Row(before.revision + 1, word)
        record_id = self.record_id(number)
        digest = hashlib.sha256(f"{row.revision} {word}".encode()).digest()
        known = KnownRow(f"row {number}", record_id, row.revision, digest, str(PROTOCOL), 0)
        sealed = self.agency.record(
            {"surname+given+birth": word, "national number": word} if word else {},
            record_id=record_id,
            revision=row.revision,
            action=RecordAction.PUT if word else RecordAction.WITHDRAW,
            marking=replace(MARKING, age_band=AgeBand.UNDER_TWELVE) if word == DENIED else MARKING,
        )
        self.outbox.put([OutgoingRecord(known, sealed, ())], (), (), 0)

    def record_id(self, number: int) -> bytes:
        """The record of a row."""
        return hashlib.sha256(f"{self.agency.name} {number}".encode()).digest()[:16]

    def deliver(self) -> str:
        """One connection until the outbox is empty; returns the code it ended with, empty where it was."""
        try:
            asyncio.run(self._delivery.run(until_empty=True))
        except PasserelleError as error:
            return error.code
        return ""

    def read(self) -> str:
        """One stream of notifications; returns the code it ended with."""
        try:
            asyncio.run(self._inbox.run())
        except PasserelleError as error:
            return error.code
        raise AssertionError("a stream ends with a code")

    def accepted(self) -> Mapping[bytes, tuple[int, str]]:
        """What receipts in the store say the hub took: the last revision of each record, and its state."""
        states = {RecordAction.PUT: "active", RecordAction.WITHDRAW: "withdrawn"}
        taken: dict[bytes, tuple[int, str]] = {}
        query = select(tables.batches.c.receipt).where(tables.batches.c.receipt.is_not(None))
        with self.database.read() as tx:
            receipts = [decode_receipt(decode_signed(raw).payload) for raw in tx.execute(query).scalars()]
        for receipt in receipts:
            refused = {row.index for row in receipt.refusals}
            for index, (record_id, revision, action) in enumerate(self.network.carried[receipt.batch_id]):
                if receipt.accepted and index not in refused:
                    taken[record_id] = max(taken.get(record_id, (0, "")), (revision, states[action]))
        return taken


@dataclass
class World:
    """The hub, both sides, and whether policy answers."""

    kit: HubKit
    outage: Outage
    folder: Path
    sides: dict[str, Side]
    revisions: dict[str, int] = field(default_factory=dict)

    def restart_hub(self) -> None:
        """A hub process over the same database."""
        self.kit.core.database.close()
        database = HubDatabase(f"sqlite:///{self.folder / 'hub.db'}")
        self.kit.core = build_core(self.kit.core.foundation, database)
        with database.read() as tx:
            self.kit.core.registry.refresh(tx)

    def standing(self, name: str, status: Status) -> None:
        """An agency is suspended, or may go on."""
        self.revisions[name] = self.revisions.get(name, 1) + 1
        self.kit.register(self.kit.agencies[name].entry(revision=self.revisions[name], status=status))

    def close(self) -> None:
        """Give all stores back; the one hub database left is the newest."""
        for side in self.sides.values():
            side.close()
        self.kit.core.database.close()


@contextmanager
def world(folder: Path, engine: Engine, bundle: Bundle) -> Iterator[World]:
    """Two agencies and a hub that know each other."""
    outage = Outage(engine)
    with hub_kit(folder, outage, bundle) as kit:
        register_hub(kit)
        sides: dict[str, Side] = {}
        for name in SIDES:
            agency = kit.agency(name)
            sides[name] = Side(kit, agency, folder / f"{name}.db", Network(kit, agency))
        made = World(kit, outage, folder, sides)
        try:
            yield made
        finally:
            made.close()
