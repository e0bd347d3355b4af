"""Store of one-off queries: which ids were used lately."""

from __future__ import annotations

from sqlalchemy import delete

from passerelle_hub.store.database import Transaction
from passerelle_hub.store.dialect import upsert
from passerelle_hub.store.tables_queries import query_asked


def use(tx: Transaction, agency: str, query_id: bytes, now: int, forget: int) -> bool:
    """Note an id; False where the agency used it before. Ids used before `forget` are let go of."""
    old = query_asked.c.agency == agency, query_asked.c.asked < forget
    tx.execute(delete(query_asked).where(*old))
    new = upsert(tx, query_asked).values(agency=agency, query_id=query_id, asked=now)
    return tx.execute(new.on_conflict_do_nothing().returning(query_asked.c.asked)).first() is not None
