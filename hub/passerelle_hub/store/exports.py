"""Store of exports: what the hub holds, row by row, in the order that a verifier needs; a page in memory.

Reads only. Every function streams within the caller's one reading transaction: an export is one state.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Executable, Row, and_, func, select

from passerelle.audit.event import Event
from passerelle_hub.store.database import Transaction
from passerelle_hub.store.decisions import StoredDecision
from passerelle_hub.store.judgements import StoredJudgement
from passerelle_hub.store.links import StoredLink
from passerelle_hub.store.log_tables import audit_event, log_node, log_tick
from passerelle_hub.store.notifications import StoredNotification
from passerelle_hub.store.tables import (
    agency,
    batch,
    chain,
    counter,
    dead_letter,
    decision,
    header,
    kek,
    link,
    notification,
    record,
    section,
    section_wrap,
    token,
)
from passerelle_hub.store.tables_evaluations import evaluation_report
from passerelle_hub.store.tables_judgements import judgement
from passerelle_hub.store.tables_population import population

_AT_ONCE = 1_000
_EVENT = Event._fields


@dataclass(frozen=True, slots=True)
class TickEvents:
    """A tick: when it was closed, its salt, its events in order."""

    closed: int
    salt: bytes
    events: tuple[Event, ...]


def ticks(tx: Transaction, size: int) -> Iterator[TickEvents]:
    """The first `size` ticks, in order."""
    events = _events(tx, audit_event.c.tick < size)
    waiting = next(events, None)
    for row in _stream(tx, select(log_tick).where(log_tick.c.tick < size).order_by(log_tick.c.tick)):
        inside: list[Event] = []
        while waiting is not None and waiting[0] <= row.tick:
            inside.append(waiting[1])
            waiting = next(events, None)
        yield TickEvents(row.closed, bytes(row.salt), tuple(inside))


def tail(tx: Transaction, size: int) -> Iterator[Event]:
    """Events that no tick before `size` holds, oldest first."""
    beyond = audit_event.c.tick.is_(None) | (audit_event.c.tick >= size)
    columns = [audit_event.c[name] for name in _EVENT]
    for row in _stream(tx, select(*columns).where(beyond).order_by(audit_event.c.event_pk)):
        yield Event(*tuple(row))


def nodes(tx: Transaction, level: int, count: int) -> Iterator[bytes]:
    """The first nodes of a level, in order."""
    at = log_node.c.level == level
    query = select(log_node.c.hash).where(at, log_node.c.position < count).order_by(log_node.c.position)
    for row in _stream(tx, query):
        yield bytes(row.hash)


def entries(tx: Transaction) -> Iterator[tuple[str, bytes, int, int]]:
    """Agency, entry, revision, when it was added."""
    query = select(agency.c.agency, agency.c.entry, agency.c.revision, agency.c.added).order_by(
        agency.c.agency
    )
    for row in _stream(tx, query):
        yield row.agency, bytes(row.entry), row.revision, row.added


def chains(tx: Transaction) -> Iterator[Row[Any]]:
    """Each agency's chain."""
    yield from _stream(tx, select(chain).order_by(chain.c.agency))


def counters(tx: Transaction) -> Iterator[Row[Any]]:
    """Each agency's counters of notifications."""
    yield from _stream(tx, select(counter).order_by(counter.c.agency))


def populations(tx: Transaction) -> Iterator[Row[Any]]:
    """How many records each agency is counted with in each domain."""
    yield from _stream(tx, select(population).order_by(population.c.domain, population.c.agency))


def batches(tx: Transaction) -> Iterator[tuple[Row[Any], tuple[Row[Any], ...]]]:
    """Batches with their wraps of keys, by agency and number."""
    for row in _stream(tx, select(batch).order_by(batch.c.agency, batch.c.sequence)):
        wraps = select(kek).where(kek.c.batch_pk == row.batch_pk).order_by(kek.c.recipient)
        yield row, tuple(tx.execute(wraps).all())


def headers(tx: Transaction) -> Iterator[Row[Any]]:
    """The history of headers, by batch and position, with agency and record id."""
    columns = (batch.c.batch_id, record.c.agency, record.c.record_id)
    query = (
        select(*header.c, *columns)
        .join(batch, batch.c.batch_pk == header.c.batch_pk)
        .join(record, record.c.record_pk == header.c.record_pk, isouter=True)
        .order_by(header.c.batch_pk, header.c.position)
    )
    yield from _stream(tx, query)


@dataclass(frozen=True, slots=True)
class HeldRecord:
    """A record's row with its current header, index, wraps and sections (name and ciphertext)."""

    row: Row[Any]
    index: tuple[tuple[bytes, int], ...]
    wraps: tuple[tuple[str, str, bytes], ...]
    sections: tuple[tuple[str, bytes], ...]


def records(tx: Transaction) -> Iterator[HeldRecord]:
    """All records, by key; of wraps and sections those of the present revision."""
    current = and_(header.c.record_pk == record.c.record_pk, header.c.revision == record.c.revision)
    columns = (header.c.header, header.c.salt, batch.c.batch_id)
    query = (
        select(*record.c, *columns)
        .join(header, current, isouter=True)
        .join(batch, batch.c.batch_pk == record.c.batch_pk, isouter=True)
        .order_by(record.c.record_pk)
    )
    index = _Merge(_stream(tx, select(token).order_by(token.c.record_pk, token.c.mark, token.c.kind)))
    wraps = _Merge(_stream(tx, select(section_wrap).order_by(*section_wrap.primary_key.columns)))
    parts = _Merge(_stream(tx, select(section).order_by(*section.primary_key.columns)))
    for row in _stream(tx, query):
        yield HeldRecord(
            row,
            tuple((bytes(one.mark), one.kind) for one in index.of(row.record_pk)),
            tuple(
                (one.name, one.recipient, bytes(one.wrapped))
                for one in wraps.of(row.record_pk)
                if one.revision == row.revision
            ),
            tuple(
                (one.name, bytes(one.ciphertext))
                for one in parts.of(row.record_pk)
                if one.revision == row.revision
            ),
        )


def strays(tx: Transaction) -> Iterator[int]:
    """Record keys of index rows beyond the last record; those before it show with the next record."""
    last = select(func.coalesce(func.max(record.c.record_pk), 0)).scalar_subquery()
    for row in _stream(tx, select(token.c.record_pk).where(token.c.record_pk > last)):
        yield row.record_pk


def links(tx: Transaction) -> Iterator[StoredLink]:
    """All links, by key."""
    columns = [link.c[name] for name in StoredLink._fields]
    for row in _stream(tx, select(*columns).order_by(link.c.link_pk)):
        yield StoredLink(*tuple(row))


def judgements(tx: Transaction) -> Iterator[tuple[StoredJudgement, bytes]]:
    """All judgements with the id of their link, by agency and id."""
    columns = [judgement.c[name] for name in StoredJudgement.__dataclass_fields__]
    query = select(*columns, link.c.link_id).join(link, link.c.link_pk == judgement.c.link_pk, isouter=True)
    for row in _stream(tx, query.order_by(judgement.c.agency, judgement.c.judgement_id)):
        yield StoredJudgement(*tuple(row)[:-1]), bytes(row.link_id or b"")


def notifications(tx: Transaction) -> Iterator[tuple[StoredNotification, bytes]]:
    """All notifications with the id of their link or query, by agency and number."""
    columns = [notification.c[name] for name in StoredNotification._fields]
    query = select(*columns, link.c.link_id).join(
        link, link.c.link_pk == notification.c.link_pk, isouter=True
    )
    for row in _stream(tx, query.order_by(notification.c.agency, notification.c.sequence)):
        yield StoredNotification(*tuple(row)[:-1]), bytes(row.about or row.link_id or b"")


def letters(tx: Transaction) -> Iterator[tuple[str, bytes]]:
    """Agency and link id of dead letters."""
    query = select(dead_letter.c.agency, link.c.link_id).join(link, link.c.link_pk == dead_letter.c.link_pk)
    for row in _stream(tx, query.order_by(dead_letter.c.agency, dead_letter.c.link_pk)):
        yield row.agency, bytes(row.link_id)


def decisions(tx: Transaction) -> Iterator[StoredDecision]:
    """All decisions, by id."""
    columns = [decision.c[name] for name in StoredDecision.__dataclass_fields__]
    for row in _stream(tx, select(*columns).order_by(decision.c.decision)):
        yield StoredDecision(*tuple(row))


def reports(tx: Transaction) -> Iterator[Row[Any]]:
    """Trustees' reports, by trustee and day."""
    table = evaluation_report
    yield from _stream(tx, select(table).order_by(table.c.trustee, table.c.day))


class _Merge:
    """Rows in the order of record keys, handed out key by key."""

    def __init__(self, rows: Iterator[Row[Any]]) -> None:
        self._rows = rows
        self._next = next(rows, None)

    def of(self, key: int) -> list[Row[Any]]:
        """The rows of a key; of keys that nobody asked for, with the next one, so that none is lost."""
        found: list[Row[Any]] = []
        while self._next is not None and self._next.record_pk <= key:
            found.append(self._next)
            self._next = next(self._rows, None)
        return found


def _events(tx: Transaction, condition: Any) -> Iterator[tuple[int, Event]]:
    columns = [audit_event.c[name] for name in _EVENT]
    query = select(audit_event.c.tick, *columns).where(condition)
    for row in _stream(tx, query.order_by(audit_event.c.tick, audit_event.c.position)):
        yield row.tick, Event(*tuple(row)[1:])


def _stream(tx: Transaction, query: Executable) -> Iterator[Row[Any]]:
    yield from tx.execute(query, execution_options={"yield_per": _AT_ONCE})
