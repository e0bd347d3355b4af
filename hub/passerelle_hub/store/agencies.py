"""Store of the registry: the signed entry of each agency, exact bytes."""

from __future__ import annotations

from sqlalchemy import select

from passerelle_hub.store.database import Transaction
from passerelle_hub.store.dialect import upsert
from passerelle_hub.store.tables import agency


def put_entry(tx: Transaction, name: str, entry: bytes, revision: int, added: int) -> bool:
    """Store an agency's entry in place of an older one; False where another process stored a newer one."""
    row = {"entry": entry, "revision": revision, "added": added}
    statement = upsert(tx, agency).values(agency=name, **row)
    older = agency.c.revision < revision
    kept = statement.on_conflict_do_update(index_elements=[agency.c.agency], set_=row, where=older)
    return tx.execute(kept.returning(agency.c.revision)).first() is not None


def entries(tx: Transaction) -> tuple[bytes, ...]:
    """All entries, by name of the agency."""
    return tuple(tx.execute(select(agency.c.entry).order_by(agency.c.agency)).scalars())
