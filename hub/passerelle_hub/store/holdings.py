"""Store of what the hub holds of an agency, as reconciliation compares it. Reads the table of records."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import select

from passerelle.holdings import BUCKETS, Holding, HoldingState
from passerelle.record import ID_BYTES
from passerelle_hub.store.database import Transaction
from passerelle_hub.store.tables import record

_AT_ONCE = 10_000


def active(tx: Transaction, agency: str) -> Iterator[tuple[bytes, int]]:
    """Record id and revision of an agency's active records, ascending by id; a page in memory at a time."""
    query = (
        select(record.c.record_id, record.c.revision)
        .where(record.c.agency == agency, record.c.state == "active")
        .order_by(record.c.record_id)
    )
    for row in tx.execute(query, execution_options={"yield_per": _AT_ONCE}):
        yield row.record_id, row.revision


def listed(tx: Transaction, agency: str, buckets: bytes, after: bytes, limit: int) -> tuple[Holding, ...]:
    """Records of some buckets beyond an id, whatever their state, ascending by id, at most `limit`."""
    found: list[Holding] = []
    for bucket in buckets:
        first = max(bytes([bucket]) + bytes(ID_BYTES - 1), after)
        query = (
            select(record.c.record_id, record.c.revision, record.c.state)
            .where(record.c.agency == agency, record.c.record_id >= first, record.c.record_id != after)
            .order_by(record.c.record_id)
            .limit(limit - len(found))
        )
        if bucket + 1 < BUCKETS:
            query = query.where(record.c.record_id < bytes([bucket + 1]) + bytes(ID_BYTES - 1))
        found += [
            Holding(row.record_id, row.revision, HoldingState[row.state.upper()]) for row in tx.execute(query)
        ]
        if len(found) == limit:
            break
    return tuple(found)
