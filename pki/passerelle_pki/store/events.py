"""What people did at the authority: appended, never changed, and in the transaction that does it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import insert, select

from passerelle.store import Database, Transaction
from passerelle_pki.store.schema import EVENT


class EventKind(StrEnum):
    """Every kind of event that pki writes."""

    CODE_MADE = "enrolment.code_made"
    REQUEST_TAKEN = "enrolment.request_taken"
    APPROVED = "enrolment.approved"
    REJECTED = "enrolment.rejected"
    LEAF_ISSUED = "leaf.issued"
    LEAF_IMPORTED = "leaf.imported"
    LEAF_REVOKED = "leaf.revoked"
    ENTRY_PUBLISHED = "entry.published"
    OPERATOR_ADDED = "operator.added"
    GENERATION_CHANGED = "authority.changed"


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the book; `at` is microseconds UTC."""

    at: int
    kind: EventKind
    actor: str
    detail: dict[str, str]


def event_of(kind: EventKind, actor: str, at: int, **detail: str) -> Event:
    """A line that a store is to write with the change that it tells of."""
    return Event(at, kind, actor, detail)


def write_event(tx: Transaction, event: Event) -> None:
    """Write a line within a transaction."""
    text = json.dumps(event.detail, sort_keys=True, separators=(",", ":"))
    row = {"at": event.at, "kind": str(event.kind), "actor": event.actor, "detail": text}
    tx.execute(insert(EVENT), row)


class EventStore:
    """The book of one authority."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, kind: EventKind, actor: str, at: int, **detail: str) -> None:
        """Write one line by itself, durably: of what is done elsewhere than in this database."""
        with self._database.write() as tx:
            write_event(tx, event_of(kind, actor, at, **detail))

    def all(self) -> tuple[Event, ...]:
        """All lines, oldest first."""
        with self._database.read() as connection:
            rows = connection.execute(select(EVENT).order_by(EVENT.c.number))
            return tuple(
                Event(row.at, EventKind(row.kind), row.actor, json.loads(row.detail)) for row in rows
            )
