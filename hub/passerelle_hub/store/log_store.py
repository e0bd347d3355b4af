"""Store of the audit log: events, ticks, tree nodes, checkpoints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, insert, select, update

from passerelle_hub.store.database import Transaction
from passerelle_hub.store.tables import audit_event, checkpoint, log_node, log_tick


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """One audit event. `commitment` is what the log holds; `tick` and `position` follow at the tick."""

    commitment: bytes
    salt: bytes
    kind: str
    actor: str
    happened: int
    detail: str


@dataclass(frozen=True, slots=True)
class EventPlace:
    """Where an event stands: its tick (a leaf of the tree) and its position inside."""

    tick: int
    position: int


@dataclass(frozen=True, slots=True)
class Tick:
    """One leaf of the log: root of the tick's events and the secret that pads their paths."""

    tick: int
    closed: int
    salt: bytes
    root: bytes


def append(tx: Transaction, events: Sequence[StoredEvent]) -> None:
    """Store events, in order."""
    if events:
        names = StoredEvent.__dataclass_fields__
        tx.execute(insert(audit_event), [{name: getattr(row, name) for name in names} for row in events])


def open_events(tx: Transaction, limit: int) -> tuple[tuple[int, bytes], ...]:
    """Key and commitment of events that no tick holds yet, oldest first."""
    rows = tx.execute(
        select(audit_event.c.event_pk, audit_event.c.commitment)
        .where(audit_event.c.tick.is_(None))
        .order_by(audit_event.c.event_pk)
        .limit(limit)
    )
    return tuple((int(row.event_pk), row.commitment) for row in rows)


def close_tick(tx: Transaction, tick: Tick, event_keys: Sequence[int]) -> None:
    """Store a tick and give its events their places."""
    tx.execute(insert(log_tick).values(tick=tick.tick, closed=tick.closed, salt=tick.salt, root=tick.root))
    if event_keys:
        places = [(tick.tick, at, key) for at, key in enumerate(event_keys)]
        mark = "?" if tx.dialect.name == "sqlite" else "%s"
        tx.exec_driver_sql(
            f"UPDATE audit_event SET tick = {mark}, position = {mark} WHERE event_pk = {mark}",  # noqa: S608 - placeholders only
            places,
        )


def place(tx: Transaction, commitment: bytes) -> EventPlace | None:
    """Where an event stands, once a tick holds it."""
    row = tx.execute(
        select(audit_event.c.tick, audit_event.c.position).where(
            audit_event.c.commitment == commitment, audit_event.c.tick.is_not(None)
        )
    ).one_or_none()
    return EventPlace(row.tick, row.position) if row else None


def tick(tx: Transaction, number: int) -> Tick:
    """One tick of the log."""
    row = tx.execute(select(log_tick).where(log_tick.c.tick == number)).one()
    return Tick(row.tick, row.closed, row.salt, row.root)


def tick_events(tx: Transaction, number: int) -> tuple[bytes, ...]:
    """The commitments of a tick's events, in order."""
    return tuple(
        tx.execute(
            select(audit_event.c.commitment)
            .where(audit_event.c.tick == number)
            .order_by(audit_event.c.position)
        ).scalars()
    )


def size(tx: Transaction) -> int:
    """Leaves in the tree."""
    return int(tx.execute(select(func.count()).select_from(log_tick)).scalar_one())


class Nodes:
    """The tree's nodes inside one transaction, by level and position."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    def get(self, level: int, position: int) -> bytes:
        """One node's hash; `KeyError` where there is none."""
        found = self._tx.execute(
            select(log_node.c.hash).where(log_node.c.level == level, log_node.c.position == position)
        ).scalar_one_or_none()
        if found is None:
            raise KeyError((level, position))
        return bytes(found)

    def put(self, level: int, position: int, value: bytes) -> None:
        """Store a complete node; it never changes afterwards."""
        self._tx.execute(insert(log_node).values(level=level, position=position, hash=value))


def put_checkpoint(tx: Transaction, tree_size: int, created: int, signed: bytes) -> None:
    """Store a signed checkpoint unless that size has one."""
    if tx.execute(select(checkpoint.c.size).where(checkpoint.c.size == tree_size)).first() is None:
        tx.execute(insert(checkpoint).values(size=tree_size, created=created, signed=signed))


def latest_checkpoint(tx: Transaction) -> bytes | None:
    """The newest signed checkpoint, exact bytes."""
    found = tx.execute(
        select(checkpoint.c.signed).order_by(checkpoint.c.size.desc()).limit(1)
    ).scalar_one_or_none()
    return bytes(found) if found is not None else None


def counts(tx: Transaction) -> dict[str, int]:
    """How many events of each kind were audited."""
    rows = tx.execute(select(audit_event.c.kind, func.count().label("n")).group_by(audit_event.c.kind))
    return {row.kind: int(row.n) for row in rows}


def mark_expired(tx: Transaction, before: int) -> int:
    """Erase the details of events older than a time; their commitments stay. Returns how many."""
    changed = tx.execute(
        update(audit_event)
        .where(audit_event.c.happened < before, audit_event.c.detail != "")
        .values(detail="")
    )
    return int(changed.rowcount)
