"""Rows and rejects: what the connector remembers of its source."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from sqlalchemy import ColumnElement, Row, and_, delete, func, insert, or_, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from passerelle_connector.model import KnownRow, Reject, RowState
from passerelle_connector.store import tables
from passerelle_connector.store.database import Database, Transaction
from passerelle_connector.store.tables import bookmarks, rejects, rows, runs

_OUT: Final = (RowState.ACTIVE, RowState.REFUSED)


class RowStore:
    """Known rows by reference, readings of the source, rejects."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def start_run(self, at: int) -> int:
        """Begin a reading of the source; returns its number."""
        with self._database.write() as transaction:
            done = insert(runs).values(started=at).returning(runs.c.run)
            return int(transaction.execute(done).scalar_one())

    def finish_run(
        self,
        run: int,
        at: int,
        *,
        complete: bool,
        incremental: bool = False,
        bookmark: tuple[str, str] = ("", ""),
    ) -> None:
        """End a reading; `complete` says that every row of the source was seen.

        What earlier readings noted against rows that are not out at the hub, and this one did not, is
        forgotten, unless the reading was `incremental`. `bookmark` pairs the source with where its next one
        begins.
        """
        with self._database.write() as transaction:
            transaction.execute(update(runs).where(runs.c.run == run).values(finished=at, complete=complete))
            if bookmark[1]:
                marked = upsert(bookmarks).values(source=bookmark[0], value=bookmark[1])
                changed = {"value": bookmark[1]}
                transaction.execute(marked.on_conflict_do_update(index_elements=["source"], set_=changed))
            if incremental:
                return
            started = select(runs.c.started).where(runs.c.run == run).scalar_subquery()
            taken = select(rows.c.reference).where(rows.c.state.in_(_OUT))
            stale = delete(rejects).where(rejects.c.at < started, rejects.c.reference.not_in(taken))
            transaction.execute(stale)

    def last_run(self) -> tuple[int, int, bool] | None:
        """The newest finished reading: number, end (microseconds), whether it was complete."""
        query = select(runs.c.run, runs.c.finished, runs.c.complete).where(runs.c.finished > 0)
        with self._database.read() as transaction:
            row = transaction.execute(query.order_by(runs.c.run.desc()).limit(1)).first()
        return None if row is None else (row.run, row.finished, row.complete)

    def last_complete_run(self) -> int | None:
        """The newest complete reading, by number."""
        with self._database.read() as transaction:
            found = transaction.execute(select(func.max(runs.c.run).label("run")).where(runs.c.complete))
            return None if (row := found.first()) is None else row.run

    def known(self, references: Sequence[str]) -> dict[str, KnownRow]:
        """What is known of these rows."""
        with self._database.read() as transaction:
            found = transaction.execute(select(rows).where(rows.c.reference.in_(references)))
            return {row.reference: _known(row) for row in found}

    def by_record(self, record_ids: Sequence[bytes]) -> dict[bytes, KnownRow]:
        """The rows behind these records; ids that are not ours are missing."""
        with self._database.read() as transaction:
            found = transaction.execute(select(rows).where(rows.c.record_id.in_(record_ids)))
            return {row.record_id: _known(row) for row in found}

    def departing(self, run: int | None) -> int:
        """How many rows are out at the hub and should not be: see `next_departing`."""
        with self._database.read() as transaction:
            query = select(func.count()).select_from(rows).where(_departing(run))
            return transaction.scalar(query) or 0

    def next_departing(self, run: int | None, limit: int) -> tuple[KnownRow, ...]:
        """Rows that are refused by now and, where `run` is a complete reading, those that it did not meet.

        At most `limit`, without order; those whose withdrawal is in the outbox are none of them any more.
        """
        with self._database.read() as transaction:
            found = transaction.execute(select(rows).where(_departing(run)).limit(limit))
            return tuple(_known(row) for row in found)

    def headers(self, record_ids: Sequence[bytes]) -> dict[bytes, bytes]:
        """The encoded headers of the last revisions of these records."""
        query = select(rows.c.record_id, rows.c.header).where(rows.c.record_id.in_(record_ids))
        with self._database.read() as transaction:
            return {row.record_id: row.header for row in transaction.execute(query)}

    def out(self) -> int:
        """How many rows are out at the hub, or on their way."""
        query = select(func.count()).select_from(rows).where(rows.c.state.in_(_OUT))
        with self._database.read() as transaction:
            return transaction.scalar(query) or 0

    def release(self, references: Sequence[str]) -> int:
        """Let rows that were withdrawn by hand be put again; returns how many were."""
        held = (rows.c.state == RowState.HELD) & rows.c.reference.in_(references)
        with self._database.write() as transaction:
            changed = update(rows).where(held).values(state=RowState.WITHDRAWN).returning(rows.c.reference)
            return len(transaction.execute(changed).all())

    def bookmark(self, source: str, protocol: str) -> str:
        """Where an incremental reading of a source begins; empty where it must read everything.

        That is so at the first reading, and where a row that is out was tokenised under another protocol.
        """
        stale = select(rows.c.reference).where(rows.c.state == RowState.ACTIVE, rows.c.protocol != protocol)
        with self._database.read() as transaction:
            if transaction.execute(stale.limit(1)).first() is not None:
                return ""
            return transaction.scalar(select(bookmarks.c.value).where(bookmarks.c.source == source)) or ""

    def reject(self, items: Iterable[Reject]) -> None:
        """Replace what is noted against the references of these rejects; one transaction."""
        with self._database.write() as transaction:
            replace_rejects(transaction, tuple(items))

    def rejects(self, limit: int = 1_000) -> tuple[Reject, ...]:
        """Rejects, newest first."""
        with self._database.read() as transaction:
            found = transaction.execute(select(rejects).order_by(rejects.c.id.desc()).limit(limit))
            return tuple(_reject(row) for row in found)

    def count(self) -> tuple[int, int]:
        """How many rows are known, how many fatal rejects noted."""
        with self._database.read() as transaction:
            known = transaction.scalar(select(func.count()).select_from(rows)) or 0
            fatal = transaction.scalar(select(func.count()).select_from(rejects).where(rejects.c.fatal)) or 0
        return known, fatal


def replace_rejects(transaction: Transaction, items: Sequence[Reject], cleared: Sequence[str] = ()) -> None:
    """Within a running transaction: forget what stood against the references, then note the items."""
    references = {item.reference for item in items} | set(cleared)
    if references:
        transaction.execute(delete(rejects).where(rejects.c.reference.in_(sorted(references))))
    if items:
        transaction.execute(insert(rejects), [_values(item) for item in items])


def _values(item: Reject) -> dict[str, object]:
    return {
        "reference": item.reference,
        "code": item.code,
        "target": item.target,
        "fatal": item.fatal,
        "reasons": " ".join(item.reasons),
        "at": item.at,
    }


def _known(row: Row[tables.AnyRow]) -> KnownRow:
    return KnownRow(
        reference=row.reference,
        record_id=row.record_id,
        revision=row.revision,
        digest=row.digest,
        protocol=row.protocol,
        seen_run=row.seen_run,
        state=RowState(row.state),
    )


def _departing(run: int | None) -> ColumnElement[bool]:
    refused = rows.c.state == RowState.REFUSED
    if run is None:
        return refused
    return or_(refused, and_(rows.c.state == RowState.ACTIVE, rows.c.seen_run < run))


def _reject(row: Row[tables.AnyRow]) -> Reject:
    reasons = tuple(row.reasons.split())
    return Reject(row.reference, row.code, row.target, row.fatal, row.at, reasons)
