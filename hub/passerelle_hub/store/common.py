"""Store of marks that settlement once found too common; whether they still are is counted when asked.

A mark is noted in the transaction that met it, once; records that vanish may make it rare again, and then it
is told of no more.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from passerelle.holdings import TooCommon
from passerelle_hub.store import marks
from passerelle_hub.store.database import Transaction
from passerelle_hub.store.dialect import upsert
from passerelle_hub.store.tables import record, token
from passerelle_hub.store.tables_common import common_mark


def note(tx: Transaction, found: Sequence[bytes]) -> None:
    """Marks that are too common among records under no embargo."""
    if found:
        rows = [{"mark": mark} for mark in sorted(found)]
        tx.execute(upsert(tx, common_mark).on_conflict_do_nothing(), rows)


def of_agency(tx: Transaction, agency: str, cap: int, limit: int) -> tuple[TooCommon, ...]:
    """An agency's active records with a mark that more than `cap` active records under no embargo carry.

    Of more than `limit` some; what is read does not grow with the index.
    """
    query = (
        select(token.c.mark, record.c.record_id, token.c.kind)
        .join(common_mark, common_mark.c.mark == token.c.mark)
        .join(record, record.c.record_pk == token.c.record_pk)
        .where(record.c.agency == agency, record.c.state == "active")
        .limit(limit)
    )
    rows = tx.execute(query).all()
    crowds = marks.visible(tx, sorted({row.mark for row in rows}), cap + 1)
    found = [TooCommon(row.record_id, row.kind) for row in rows if len(crowds.get(row.mark, ())) > cap]
    return tuple(sorted(found, key=lambda one: (one.record_id, one.kind_id)))
