"""Store of cosignatures: by checkpoint and witness, as a note with the witness's lines alone."""

from __future__ import annotations

from sqlalchemy import func, insert, select

from passerelle_hub.store.database import Transaction
from passerelle_hub.store.log_tables import cosignature


def put(tx: Transaction, size: int, witness: str, created: int, note: bytes) -> None:
    """Keep a witness's cosignature of a checkpoint that has none of it."""
    row = {"size": size, "witness": witness, "created": created, "note": note}
    tx.execute(insert(cosignature).values(**row))


def witnesses(tx: Transaction, size: int) -> frozenset[str]:
    """Who cosigned a checkpoint."""
    return frozenset(tx.scalars(select(cosignature.c.witness).where(cosignature.c.size == size)))


def of(tx: Transaction, size: int) -> tuple[bytes, ...]:
    """The cosignatures of a checkpoint, by witness."""
    query = select(cosignature.c.note).where(cosignature.c.size == size).order_by(cosignature.c.witness)
    return tuple(bytes(found) for found in tx.scalars(query))


def newest(tx: Transaction, quorum: int) -> tuple[int, int]:
    """Size of the newest checkpoint that a quorum cosigned, and when the last of them did; zeros for none."""
    query = (
        select(cosignature.c.size, func.max(cosignature.c.created).label("at"))
        .group_by(cosignature.c.size)
        .having(func.count() >= quorum)
        .order_by(cosignature.c.size.desc())
        .limit(1)
    )
    row = tx.execute(query).one_or_none()
    return (row.size, row.at) if row else (0, 0)
