"""Rows and rejects: what the connector remembers of its source."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Row, delete, func, insert, select, update

from passerelle_connector.model import KnownRow, Reject
from passerelle_connector.store import tables
from passerelle_connector.store.database import Database, Transaction
from passerelle_connector.store.tables import rejects, rows, runs


class RowStore:
    """Known rows by reference, readings of the source, rejects."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def start_run(self, at: int) -> int:
        """Begin a reading of the source; returns its number."""
        with self._database.write() as transaction:
            done = insert(runs).values(started=at).returning(runs.c.run)
            return int(transaction.execute(done).scalar_one())

    def finish_run(self, run: int, at: int, *, complete: bool) -> None:
        """End a reading; `complete` says that every row of the source was seen.

        What earlier readings noted against rows that were never taken, and this one did not, is forgotten.
        """
        with self._database.write() as transaction:
            transaction.execute(update(runs).where(runs.c.run == run).values(finished=at, complete=complete))
            started = select(runs.c.started).where(runs.c.run == run).scalar_subquery()
            taken = select(rows.c.reference)
            stale = delete(rejects).where(rejects.c.at < started, rejects.c.reference.not_in(taken))
            transaction.execute(stale)

    def last_run(self) -> tuple[int, int, bool] | None:
        """The newest finished reading: number, end (microseconds), whether it was complete."""
        query = select(runs.c.run, runs.c.finished, runs.c.complete).where(runs.c.finished > 0)
        with self._database.read() as transaction:
            row = transaction.execute(query.order_by(runs.c.run.desc()).limit(1)).first()
        return None if row is None else (row.run, row.finished, row.complete)

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

    def vanished(self, run: int) -> tuple[KnownRow, ...]:
        """Known rows that a complete reading did not meet; empty where it was not complete."""
        with self._database.read() as transaction:
            complete = transaction.scalar(select(runs.c.complete).where(runs.c.run == run))
            if not complete:
                return ()
            return tuple(
                _known(row) for row in transaction.execute(select(rows).where(rows.c.seen_run < run))
            )

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
    return KnownRow(row.reference, row.record_id, row.revision, row.digest, row.protocol, row.seen_run)


def _reject(row: Row[tables.AnyRow]) -> Reject:
    reasons = tuple(row.reasons.split())
    return Reject(row.reference, row.code, row.target, row.fatal, row.at, reasons)
