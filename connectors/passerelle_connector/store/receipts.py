"""What a receipt changes beside the records of its batch. Within the transaction that takes the receipt."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from passerelle.codec.signed import encode_signed
from passerelle.sign import Signed
from passerelle_connector.model import BatchState, ChainPosition, RowState
from passerelle_connector.store.database import Transaction
from passerelle_connector.store.sealed import is_withdrawal
from passerelle_connector.store.tables import attempts, batches, chain, keks, pending, rows, salts


def receipted(
    transaction: Transaction, number: int, receipt: Signed, code: str, position: ChainPosition
) -> None:
    """The batch is answered: the chain stands at its statement, its keys and other statements go."""
    transaction.execute(
        update(batches)
        .where(batches.c.number == number)
        .values(state=BatchState.RECEIPTED, receipt=encode_signed(receipt), code=code)
    )
    values = {"sequence": position.sequence, "digest": position.digest}
    statement = upsert(chain).values(id=1, **values)
    transaction.execute(statement.on_conflict_do_update(index_elements=["id"], set_=values))
    transaction.execute(delete(keks).where(keks.c.batch == number))
    transaction.execute(delete(attempts).where(attempts.c.batch == number))


def settle_withdrawals(transaction: Transaction, number: int, refused: Collection[bytes]) -> None:
    """Shred the salts of what is withdrawn; a row whose withdrawal was refused stands as before."""
    mine = select(pending.c.record_id, pending.c.revision).where(pending.c.batch == number, is_withdrawal())
    for row in transaction.execute(mine).all():
        if row.record_id in refused:
            same = (rows.c.record_id == row.record_id) & (rows.c.revision == row.revision)
            transaction.execute(update(rows).where(same).values(state=RowState.ACTIVE))
        else:
            gone = (salts.c.record_id == row.record_id) & (salts.c.revision < row.revision)
            transaction.execute(delete(salts).where(gone))


def references_of(transaction: Transaction, number: int, record_ids: Sequence[bytes]) -> dict[bytes, str]:
    """The references of those records of a batch that are their rows' last revision."""
    same = (rows.c.record_id == pending.c.record_id) & (rows.c.revision == pending.c.revision)
    query = select(rows.c.record_id, rows.c.reference).join(pending, same)
    query = query.where(pending.c.batch == number, rows.c.record_id.in_(record_ids))
    return {row.record_id: row.reference for row in transaction.execute(query)}
