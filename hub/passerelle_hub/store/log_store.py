"""Store of the audit log: events, ticks, tree nodes, checkpoints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, func, insert, select, update

from passerelle.audit.event import Event
from passerelle.audit.query import Found, Query
from passerelle_hub.store.database import Transaction
from passerelle_hub.store.dialect import among, fetch, insert_rows, upsert
from passerelle_hub.store.log_tables import audit_event, checkpoint, log_node, log_tick

EVENT_COLUMNS = Event._fields


@dataclass(frozen=True, slots=True)
class Placed:
    """An event and where it stands: its tick (a leaf of the tree) and its position inside."""

    tick: int
    position: int
    event: Event

    @property
    def subject(self) -> str:
        """What it vouches for."""
        return self.event.subject


@dataclass(frozen=True, slots=True)
class Tick:
    """One leaf of the log: root of the tick's events and the secret that pads their paths."""

    tick: int
    closed: int
    salt: bytes
    root: bytes


def append(tx: Transaction, events: Sequence[tuple[bytes, bytes, Event]]) -> None:
    """Store events with commitment and tag, in order."""
    columns = ("commitment", "tag", *EVENT_COLUMNS)
    insert_rows(tx, audit_event, columns, [(mark, tag, *event) for mark, tag, event in events])


def take_open(tx: Transaction, number: int, limit: int) -> tuple[tuple[bytes, bytes], ...]:
    """Give the oldest events without a tick their places in a tick; returns commitments and tags, in order.

    One statement for all, so that what is placed and what is returned cannot differ.
    """
    waiting = (
        select(audit_event.c.event_pk).where(audit_event.c.tick.is_(None)).order_by(audit_event.c.event_pk)
    ).limit(limit)
    numbered = waiting.subquery()
    order = func.row_number().over(order_by=numbered.c.event_pk) - 1
    placed = select(numbered.c.event_pk, order.label("position")).subquery()
    rows = fetch(
        tx,
        update(audit_event)
        .where(audit_event.c.event_pk == placed.c.event_pk)
        .values(tick=number, position=placed.c.position)
        .returning(audit_event.c.position, audit_event.c.commitment, audit_event.c.tag),
    )
    return tuple((commitment, tag) for _, commitment, tag in sorted(rows))


def give_back(tx: Transaction, number: int, forged: Sequence[bytes]) -> None:
    """Undo `take_open` for a tick and drop the events that the hub did not write."""
    tx.execute(delete(audit_event).where(audit_event.c.tick == number, audit_event.c.commitment.in_(forged)))
    tx.execute(update(audit_event).where(audit_event.c.tick == number).values(tick=None, position=None))


def put_tick(tx: Transaction, tick: Tick) -> None:
    """Store a tick; it never changes afterwards."""
    tx.execute(insert(log_tick).values(tick=tick.tick, closed=tick.closed, salt=tick.salt, root=tick.root))


def places(tx: Transaction, commitments: Sequence[bytes]) -> tuple[Placed, ...]:
    """Those of some events that stand in a tick, with what may be told of them."""
    return _placed(tx, among(tx, audit_event.c.commitment, commitments))


def newest(tx: Transaction, subjects: Sequence[str]) -> tuple[Placed, ...]:
    """The newest event of each subject that stands in a tick."""
    found = _placed(tx, among(tx, audit_event.c.subject, subjects))
    by_subject = {one.subject: one for one in sorted(found, key=lambda one: (one.tick, one.position))}
    return tuple(by_subject.values())


def _placed(tx: Transaction, condition: ColumnElement[bool]) -> tuple[Placed, ...]:
    columns = [audit_event.c[name] for name in EVENT_COLUMNS]
    rows = tx.execute(
        select(audit_event.c.tick, audit_event.c.position, *columns).where(
            condition, audit_event.c.tick.is_not(None)
        )
    )
    return tuple(
        Placed(row.tick, row.position, Event(*(getattr(row, name) for name in EVENT_COLUMNS))) for row in rows
    )


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
    last = tx.execute(select(func.max(log_tick.c.tick))).scalar_one()
    return 0 if last is None else int(last) + 1


def closed(tx: Transaction) -> int:
    """When the newest tick was closed; 0 before the first."""
    last = tx.execute(
        select(log_tick.c.closed).order_by(log_tick.c.tick.desc()).limit(1)
    ).scalar_one_or_none()
    return int(last or 0)


def roots(tx: Transaction, start: int, count: int) -> tuple[bytes, ...]:
    """The leaves `start` and on, at most `count`."""
    query = select(log_tick.c.root).where(log_tick.c.tick >= start, log_tick.c.tick < start + count)
    return tuple(bytes(found) for found in tx.execute(query.order_by(log_tick.c.tick)).scalars())


def nodes(tx: Transaction, level: int, start: int, count: int) -> tuple[bytes, ...]:
    """The complete nodes `start` and on of a level, at most `count`."""
    query = select(log_node.c.hash).where(
        log_node.c.level == level, log_node.c.position >= start, log_node.c.position < start + count
    )
    return tuple(bytes(found) for found in tx.execute(query.order_by(log_node.c.position)).scalars())


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


@dataclass(frozen=True, slots=True)
class StoredCheckpoint:
    """A checkpoint with the hub's own lines, and whether it is offered to witnesses."""

    size: int
    created: int
    note: bytes
    offered: bool


def put_checkpoint(tx: Transaction, new: StoredCheckpoint) -> None:
    """Store a signed checkpoint unless another process signed that size first."""
    row = {"size": new.size, "created": new.created, "note": new.note, "offered": new.offered}
    tx.execute(upsert(tx, checkpoint).values(**row).on_conflict_do_nothing())


def latest_checkpoint(tx: Transaction) -> StoredCheckpoint | None:
    """The newest signed checkpoint."""
    return _checkpoint(tx, select(checkpoint).order_by(checkpoint.c.size.desc()).limit(1))


def offered_checkpoint(tx: Transaction) -> StoredCheckpoint | None:
    """The newest one offered to witnesses."""
    query = select(checkpoint).where(checkpoint.c.offered.is_(True)).order_by(checkpoint.c.size.desc())
    return _checkpoint(tx, query.limit(1))


def checkpoint_of(tx: Transaction, tree_size: int) -> StoredCheckpoint | None:
    """The checkpoint of one size."""
    return _checkpoint(tx, select(checkpoint).where(checkpoint.c.size == tree_size))


def _checkpoint(tx: Transaction, query: Select[Any]) -> StoredCheckpoint | None:
    row = tx.execute(query).one_or_none()
    return StoredCheckpoint(row.size, row.created, bytes(row.note), row.offered) if row else None


def search(tx: Transaction, query: Query) -> tuple[Found, ...]:
    """Events that fit a query, oldest first."""
    columns = [audit_event.c[name] for name in EVENT_COLUMNS]
    wanted = select(audit_event.c.event_pk, audit_event.c.tick, *columns).where(
        audit_event.c.event_pk > query.after
    )
    if query.kinds:
        wanted = wanted.where(audit_event.c.kind.in_(query.kinds))
    if query.actor:
        wanted = wanted.where(audit_event.c.actor == query.actor)
    if query.since:
        wanted = wanted.where(audit_event.c.happened >= query.since)
    if query.until:
        wanted = wanted.where(audit_event.c.happened < query.until)
    rows = tx.execute(wanted.order_by(audit_event.c.event_pk).limit(query.limit))
    return tuple(
        Found(
            row.event_pk,
            -1 if row.tick is None else row.tick,
            Event(*(getattr(row, name) for name in EVENT_COLUMNS)),
        )
        for row in rows
    )


def counts(tx: Transaction) -> dict[str, int]:
    """How many events of each kind were audited."""
    rows = tx.execute(select(audit_event.c.kind, func.count().label("n")).group_by(audit_event.c.kind))
    return {row.kind: int(row.n) for row in rows}
