"""Store of the hub's own decisions about standing."""

from __future__ import annotations

from sqlalchemy import delete, insert, select

from passerelle_hub.store.database import Transaction
from passerelle_hub.store.tables_standing import barred_certificate, suspension


def suspended(tx: Transaction) -> frozenset[str]:
    """The agencies that this hub suspends."""
    return frozenset(tx.execute(select(suspension.c.agency)).scalars())


def suspend(tx: Transaction, agency: str, now: int, actor: str, reason: str) -> None:
    """Add a suspension."""
    tx.execute(insert(suspension).values(agency=agency, since=now, actor=actor, reason=reason))


def resume(tx: Transaction, agency: str) -> None:
    """Take a suspension away."""
    tx.execute(delete(suspension).where(suspension.c.agency == agency))


def barred(tx: Transaction) -> frozenset[tuple[str, int]]:
    """Trust domains with serial numbers that this hub refuses."""
    rows = tx.execute(select(barred_certificate.c.trust_domain, barred_certificate.c.serial))
    return frozenset((row.trust_domain, int(row.serial, 16)) for row in rows)


def bar(tx: Transaction, trust_domain: str, serial: int, now: int, actor: str, reason: str) -> None:
    """Add a barred certificate."""
    row = {"trust_domain": trust_domain, "serial": f"{serial:x}", "since": now, "actor": actor}
    tx.execute(insert(barred_certificate).values(**row, reason=reason))
