"""What the stores of a federation say once it is at rest, and what must be true of it.

`reading` reads the stores of hub and agencies from outside, while the processes go on; `unsettled` says what
is still under way; `reconcile` and `LogWitness` raise for each promise that was broken.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from kill_kit import AGENCIES, Register, hub_url
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError, ProgrammingError

from passerelle import merkle
from passerelle.checkpoint import Checkpoint, verify_checkpoint
from passerelle.codec.notification import decode_notification
from passerelle.codec.signed import decode_signed
from passerelle.codec.statement import decode_receipt
from passerelle.config import load
from passerelle.keyfile import KeyKind, read_key
from passerelle.note import Note
from passerelle.notification import Notification
from passerelle.sign import SigningKey
from passerelle_connector.config import ConnectorSettings
from passerelle_connector.foundation import open_stores
from passerelle_connector.model import ChainPosition
from passerelle_connector.store import Database as AgencyDatabase
from passerelle_connector.store import InboxStore, OutboxStore, RowStore
from passerelle_connector.store import tables as connector_tables
from passerelle_demo.staging import Stage
from passerelle_hub.audit import EventKind
from passerelle_hub.store import Database, Transaction, log_store, log_tables, notifications
from passerelle_hub.store import tables as hub_tables
from passerelle_hub.transparency import TICK_DEPTH

_REST, _POLL = 180.0, 0.4
_CHANGES = (EventKind.LINK_OPENED.value, EventKind.LINK_CHANGED.value)


@dataclass(frozen=True)
class Link:
    """A link at the hub between two (agency, record id)."""

    link_id: bytes
    ends: frozenset[tuple[str, bytes]]
    relation: str
    state: str


@dataclass(frozen=True)
class AgencySide:
    """An agency's store.

    `rows`: record id and revision by reference; `waiting`: records and batches without receipt; `refused`:
    codes of refused batches; `promised`: the audit events that receipts name.
    """

    rows: Mapping[str, tuple[bytes, int]]
    rejects: Mapping[str, str]
    waiting: int
    refused: tuple[str, ...]
    position: ChainPosition
    promised: tuple[bytes, ...]
    inbox: tuple[tuple[int, Notification], ...]


@dataclass(frozen=True)
class HubSide:
    """The hub's store.

    `records`: revision and state by agency and record id; `told`: by link, how often the log says that both
    sides were to learn of it.
    """

    records: Mapping[str, Mapping[bytes, tuple[int, str]]]
    indexed: int
    chains: Mapping[str, ChainPosition]
    links: tuple[Link, ...]
    sent: Mapping[str, int]
    acknowledged: Mapping[str, int]
    told: Counter[bytes]


@dataclass(frozen=True)
class Snapshot:
    """All stores, the hub's last."""

    agencies: Mapping[str, AgencySide]
    hub: HubSide


@contextmanager
def reading(stage: Stage) -> Iterator[Callable[[], Snapshot]]:
    """What reads everything, as often as it is called, from stores opened once; the processes go on."""
    with ExitStack() as stack:
        hub = Database(hub_url(stage))
        stack.callback(hub.close)
        opened = {name: open_stores(load(ConnectorSettings, path)) for name, path in stage.connectors.items()}
        for stores in opened.values():
            stack.callback(stores.database.close)
        yield lambda: join({name: agency_side(stores.database) for name, stores in opened.items()}, hub)


def under_way(stage: Stage) -> bool:
    """Whether some batch has been signed and has no receipt yet, or is not matched yet."""
    batches, batch = connector_tables.batches, hub_tables.batch
    sent, indexed = select(batches.c.number), select(batch.c.batch_pk)
    looks = [
        (f"sqlite:///{path.parent / 'connector.db'}", sent.where(batches.c.state == "sent"))
        for path in stage.connectors.values()
    ]
    looks.append((hub_url(stage), indexed.where(batch.c.state == "indexed")))
    for url, query in looks:
        database = Database(url)
        try:
            with database.read() as tx:
                if tx.execute(query.limit(1)).first():
                    return True
        except (OperationalError, ProgrammingError):  # a store that nobody has opened yet holds no table
            continue
        finally:
            database.close()
    return False


def join(agencies: Mapping[str, AgencySide], hub: Database) -> Snapshot:
    """With the hub's side, read last: it knows at least what agencies that were read before were told."""
    return Snapshot(agencies, hub_side(hub))


def agency_side(database: AgencyDatabase) -> AgencySide:
    """Read an agency's store."""
    outbox = OutboxStore(database)
    free, states = outbox.counts()
    rows, batches = connector_tables.rows, connector_tables.batches
    with database.read() as tx:
        known = tx.execute(select(rows.c.reference, rows.c.record_id, rows.c.revision)).all()
        answered = tx.execute(select(batches.c.receipt).where(batches.c.receipt.is_not(None))).scalars()
        receipts = [decode_receipt(decode_signed(raw).payload) for raw in answered]
    inbox = InboxStore(database).items(limit=1_000_000)
    return AgencySide(
        rows={row.reference: (row.record_id, row.revision) for row in known},
        rejects={item.reference: item.code for item in RowStore(database).rejects() if item.fatal},
        waiting=free + sum(count for state, count in states.items() if state != "receipted"),
        refused=tuple(receipt.code for receipt in receipts if receipt.code),
        position=outbox.position(),
        promised=tuple(receipt.audit_event for receipt in receipts),
        inbox=tuple((item.sequence, decode_notification(item.signed.payload)) for item in inbox),
    )


def hub_side(database: Database) -> HubSide:
    """Read the hub's store."""
    batch, link = hub_tables.batch, hub_tables.link
    with database.read() as tx:
        stored = tx.execute(select(hub_tables.record)).all()
        chains = tx.execute(select(hub_tables.chain)).all()
        counters = tx.execute(select(hub_tables.counter)).all()
        ends = {row.record_pk: (row.agency, bytes(row.record_id)) for row in stored}
        indexed = tx.scalar(select(func.count()).select_from(batch).where(batch.c.state == "indexed"))
        return HubSide(
            records={
                agency: {
                    bytes(row.record_id): (row.revision, row.state) for row in stored if row.agency == agency
                }
                for agency in AGENCIES
            },
            indexed=indexed or 0,
            chains={row.agency: ChainPosition(row.next_sequence - 1, bytes(row.previous)) for row in chains},
            links=tuple(
                Link(row.link_id, frozenset((ends[row.low], ends[row.high])), row.relation, row.state)
                for row in tx.execute(select(link))
            ),
            sent=notifications.last_sequences(tx),
            acknowledged={row.agency: row.acknowledged for row in counters},
            told=_told(tx),
        )


def _told(tx: Transaction) -> Counter[bytes]:
    event = log_tables.audit_event
    details = tx.execute(select(event.c.detail).where(event.c.kind.in_(_CHANGES))).scalars()
    said = [json.loads(detail) for detail in details]
    return Counter(bytes.fromhex(one["link"]) for one in said if one["state"] == "notified")


def unsettled(now: Snapshot, register: Register) -> str:
    """What is still under way; empty once everybody has what is due."""
    for agency, side in now.agencies.items():
        revisions = {reference: revision for reference, (_, revision) in side.rows.items()}
        if revisions != register.revisions(agency):
            return f"{agency} has not read its source through"
        if side.waiting:
            return f"{agency}: {side.waiting} records or batches wait"
        sent = now.hub.sent.get(agency, 0)
        if len(side.inbox) < sent or now.hub.acknowledged.get(agency, 0) < sent:
            return f"{agency}: {len(side.inbox)} notifications of {sent}"
    return f"{now.hub.indexed} batches are not matched" if now.hub.indexed else ""


def reconcile(now: Snapshot, register: Register) -> None:
    """Nothing accepted is lost, nothing stands twice, both sides say the same."""
    for agency, side in now.agencies.items():
        assert side.rejects == {}, f"{agency}: rows set aside"
        assert side.refused == (), f"{agency}: batches refused"
        accepted = {record: (revision, "active") for record, revision in side.rows.values()}
        assert now.hub.records[agency] == accepted, f"{agency}: records"
        assert now.hub.chains[agency] == side.position, f"{agency}: chain"
    _links(now, register)
    reconcile_notifications(now)


def _links(now: Snapshot, register: Register) -> None:
    references = {
        (agency, record): (agency, reference)
        for agency, side in now.agencies.items()
        for reference, (record, _) in side.rows.items()
    }
    standing = [link for link in now.hub.links if link.state != "erased"]
    assert {(link.relation, link.state) for link in standing} <= {("same_person", "notified")}
    pairs = Counter(frozenset(references[end] for end in link.ends) for link in standing)
    assert pairs == Counter(register.pairs()), "links"
    assert len({link.link_id for link in now.hub.links}) == len(now.hub.links)


def reconcile_notifications(now: Snapshot) -> None:
    """Numbers without gaps; for every change of a link one notification to each of its two sides."""
    due: dict[str, Counter[bytes]] = {agency: Counter() for agency in now.agencies}
    for link in now.hub.links:
        for agency, _ in link.ends:
            due[agency][link.link_id] += now.hub.told[link.link_id]
    for agency, side in now.agencies.items():
        numbers = [number for number, _ in side.inbox]
        assert numbers == list(range(1, now.hub.sent.get(agency, 0) + 1)), f"{agency}: numbers"
        assert Counter(note.link_id for _, note in side.inbox) == due[agency], f"{agency}: notifications"
        ids = [note.notification_id for _, note in side.inbox]
        assert len(set(ids)) == len(ids), f"{agency}: a notification twice"


class LogWitness:
    """Follows the hub's log as a witness does: each checkpoint must extend the one before.

    (1) the newest checkpoint carries the hub's signature; (2) its tree extends the one seen before; (3) each
    new tick is what its events say and stands in that tree; (4) no event stands twice, and those that
    receipts promised stand somewhere.
    """

    def __init__(self, stage: Stage) -> None:
        signing = SigningKey(read_key(stage.hub.parent / "keys" / "signing.key", KeyKind.SIGNING))
        self._key = signing.public
        self._url = hub_url(stage)
        self._seen: Checkpoint | None = None
        self._events: set[bytes] = set()

    def covers(self, promised: frozenset[bytes]) -> bool:
        """Follow the log to its newest checkpoint; whether that holds all promised events.

        Raises:
            PasserelleError: a proof or a signature that does not hold.
        """
        database = Database(self._url)
        try:
            with database.read() as tx:
                self._follow(tx)
        finally:
            database.close()
        return promised <= self._events  # (4)

    def _follow(self, tx: Transaction) -> None:
        stored = log_store.latest_checkpoint(tx)
        if stored is None:
            return
        note = Note.parse(stored.note)
        newest = verify_checkpoint(note, Checkpoint.parse(note.text).origin, self._key)  # (1)
        nodes = log_store.Nodes(tx)
        before = self._seen.size if self._seen else 0
        if self._seen and before:  # (2); every tree extends the empty one
            path = merkle.stored_consistency(nodes, before, newest.size)
            merkle.verify_consistency(before, newest.size, path, self._seen.root, newest.root)
        for number in range(before, newest.size):
            tick, events = log_store.tick(tx, number), log_store.tick_events(tx, number)
            root = merkle.tick_root(events, TICK_DEPTH, tick.salt)
            proof = merkle.stored_inclusion(nodes, number, newest.size)
            merkle.verify_inclusion(root, number, newest.size, proof, newest.root)  # (3)
            assert self._events.isdisjoint(events) and len(set(events)) == len(events)  # (4)
            self._events.update(events)
        self._seen = newest


def hold_together(stage: Stage, register: Register, witness: LogWitness) -> None:
    """Wait until everything came to rest, then hold the stores of all parties against each other."""
    latest: list[Snapshot] = []
    with reading(stage) as read:

        def at_rest() -> str:
            latest[:] = [read()]
            return unsettled(latest[0], register)

        until(at_rest)
    (now,) = latest
    reconcile(now, register)
    promised = frozenset(event for side in now.agencies.values() for event in side.promised)
    until(lambda: "" if witness.covers(promised) else "promised events are not in the log")


def until(waiting: Callable[[], str]) -> None:
    """Poll until nothing is said to be under way."""
    end = time.monotonic() + _REST
    while reason := waiting():
        assert time.monotonic() < end, f"no rest: {reason}"
        time.sleep(_POLL)
