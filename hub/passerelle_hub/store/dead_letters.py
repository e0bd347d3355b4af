"""Store of dead letters: links that an agency should be told of and cannot be, for want of a key.

A letter is taken once, also where two processes believe for a moment that they lead.
"""

from __future__ import annotations

from sqlalchemy import delete, func, select

from passerelle_hub.store.database import Transaction
from passerelle_hub.store.dialect import upsert
from passerelle_hub.store.tables import dead_letter


def put(tx: Transaction, agency: str, link_pk: int, since: int, code: str) -> None:
    """Keep a letter; one that waits already keeps its time."""
    statement = upsert(tx, dead_letter).values(agency=agency, link_pk=link_pk, since=since, code=code)
    tx.execute(statement.on_conflict_do_update(index_elements=["agency", "link_pk"], set_={"code": code}))


def agencies(tx: Transaction) -> tuple[str, ...]:
    """Who has letters waiting, by name."""
    return tuple(tx.scalars(select(dead_letter.c.agency).distinct().order_by(dead_letter.c.agency)))


def take(tx: Transaction, agency: str, limit: int) -> tuple[int, ...]:
    """Take the links of an agency's letters out, oldest first, at most `limit`; not what others take."""
    query = select(dead_letter.c.link_pk).where(dead_letter.c.agency == agency)
    oldest = query.order_by(dead_letter.c.since, dead_letter.c.link_pk).limit(limit)
    found = tuple(tx.scalars(oldest.with_for_update(skip_locked=True)))
    tx.execute(delete(dead_letter).where(dead_letter.c.agency == agency, dead_letter.c.link_pk.in_(found)))
    return found


def counts(tx: Transaction) -> dict[str, int]:
    """How many letters wait for each agency."""
    rows = tx.execute(select(dead_letter.c.agency, func.count().label("n")).group_by(dead_letter.c.agency))
    return {row.agency: int(row.n) for row in rows}
