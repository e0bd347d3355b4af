"""Store of the chances that connectors measured: the latest of each agency in each domain, as stated."""

from __future__ import annotations

from sqlalchemy import delete, insert, select

from passerelle_hub.store.database import Transaction
from passerelle_hub.store.tables_chances import measured_chance


def put(tx: Transaction, domain: str, agency: str, body: bytes, now: int) -> None:
    """Replace what an agency stated before."""
    held = (measured_chance.c.domain == domain) & (measured_chance.c.agency == agency)
    known = tx.execute(select(measured_chance.c.body).where(held)).scalar()
    if known == body:
        return
    tx.execute(delete(measured_chance).where(held))
    row = {"domain": domain, "agency": agency, "body": body, "stated": now}
    tx.execute(insert(measured_chance).values(**row))


def stated(tx: Transaction, domain: str) -> tuple[bytes, ...]:
    """What the agencies of a domain stated, in order of their names."""
    query = (
        select(measured_chance.c.body)
        .where(measured_chance.c.domain == domain)
        .order_by(measured_chance.c.agency)
    )
    return tuple(tx.execute(query).scalars())
