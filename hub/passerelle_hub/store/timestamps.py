"""Store of timestamps: the authority's answer by the size of the checkpoint's tree."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import func, insert, select

from passerelle_hub.store.database import Transaction
from passerelle_hub.store.log_tables import checkpoint, timestamp


def due(tx: Transaction) -> tuple[int, bytes] | None:
    """Size and note of the newest checkpoint that was offered to witnesses, if nobody stamped it."""
    query = select(checkpoint.c.size, checkpoint.c.note).where(checkpoint.c.offered)
    row = tx.execute(query.order_by(checkpoint.c.size.desc()).limit(1)).one_or_none()
    if row is None or tx.scalar(select(timestamp.c.size).where(timestamp.c.size == row.size)) is not None:
        return None
    return row.size, bytes(row.note)


def put(tx: Transaction, size: int, created: int, answer: bytes) -> None:
    """Keep an answer for a checkpoint that has none."""
    tx.execute(insert(timestamp).values(size=size, created=created, answer=answer))


def newest(tx: Transaction) -> int:
    """When the last answer was kept; 0 for never."""
    return tx.scalar(select(func.max(timestamp.c.created))) or 0


def every(tx: Transaction, size: int) -> Iterator[tuple[int, bytes, bytes]]:
    """Size, note and answer of each stamped checkpoint up to a size, in order."""
    query = (
        select(timestamp.c.size, checkpoint.c.note, timestamp.c.answer)
        .join(checkpoint, checkpoint.c.size == timestamp.c.size)
        .where(timestamp.c.size <= size)
        .order_by(timestamp.c.size)
    )
    for row in tx.execute(query):
        yield row.size, bytes(row.note), bytes(row.answer)
