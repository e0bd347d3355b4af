"""Store of erasures in the log: details of old events, and checkpoints that nobody was offered."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import bindparam, delete, func, select, update

from passerelle.audit.event import Event
from passerelle_hub.store.database import Transaction
from passerelle_hub.store.log_store import EVENT_COLUMNS
from passerelle_hub.store.log_tables import audit_event, checkpoint


def waiting(tx: Transaction, before: int, limit: int) -> tuple[tuple[int, Event], ...]:
    """Events in a tick, older than a time, that still have their details: key and event."""
    columns = [audit_event.c[name] for name in EVENT_COLUMNS]
    rows = tx.execute(
        select(audit_event.c.event_pk, *columns)
        .where(
            audit_event.c.happened < before,
            audit_event.c.tick.is_not(None),
            func.length(audit_event.c.salt) > 0,
        )
        .limit(limit)
    )
    return tuple((row.event_pk, Event(*(getattr(row, name) for name in EVENT_COLUMNS))) for row in rows)


def erase(tx: Transaction, inner: Mapping[int, bytes]) -> None:
    """Forget salt, actor and detail of events, by key; their inner digests stay."""
    if inner:
        statement = update(audit_event).where(audit_event.c.event_pk == bindparam("key"))
        statement = statement.values(salt=b"", actor="", detail="", erased=bindparam("inner"))
        tx.execute(statement, [{"key": key, "inner": value} for key, value in inner.items()])


def drop_checkpoints(tx: Transaction, before: int) -> None:
    """Drop checkpoints older than a time that were offered to nobody; the newest always stays."""
    newest = select(func.max(checkpoint.c.size)).scalar_subquery()
    old = checkpoint.c.created < before
    tx.execute(delete(checkpoint).where(old, checkpoint.c.offered.is_(False), checkpoint.c.size != newest))
