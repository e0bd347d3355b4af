"""Store of whom a restored hub still awaits before it matches."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, func, insert, select

from passerelle_hub.store import origin
from passerelle_hub.store.backup_tables import recovery
from passerelle_hub.store.database import Transaction


def wait_for(tx: Transaction, agencies: Sequence[str], since: int) -> None:
    """Await these agencies and no others."""
    tx.execute(delete(recovery))
    if agencies:
        tx.execute(insert(recovery), [{"agency": agency, "since": since} for agency in agencies])


def done(tx: Transaction, agency: str) -> bool:
    """Await an agency no more; False where nobody did."""
    return bool(tx.execute(delete(recovery).where(recovery.c.agency == agency)).rowcount)


def awaits(tx: Transaction, agency: str) -> bool:
    """Whether an agency is awaited."""
    return tx.scalar(select(recovery.c.agency).where(recovery.c.agency == agency)) is not None


def awaited(tx: Transaction) -> tuple[str, ...]:
    """All awaited agencies, by name."""
    return tuple(tx.scalars(select(recovery.c.agency).order_by(recovery.c.agency)))


def waiting(tx: Transaction) -> bool:
    """Whether any agency is awaited, or nobody said yet who is (`origin`)."""
    return bool(tx.scalar(select(func.count()).select_from(recovery))) or origin.moved(tx)
