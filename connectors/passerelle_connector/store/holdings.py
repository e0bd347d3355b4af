"""Holdings: what receipts say the hub holds of us, and how a difference is put right on our side.

The table follows the receipts, in their own transaction (`acknowledge`); readings and the outbox do not touch
it. Every public method is one transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from sqlalchemy import delete, exists, func, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from passerelle.holdings import BUCKETS, Holding, Summary, TooCommon, summarise
from passerelle.record import ID_BYTES
from passerelle_connector.model import ChainPosition, RowState
from passerelle_connector.store.database import Database, Transaction
from passerelle_connector.store.sealed import is_withdrawal
from passerelle_connector.store.tables import chain, holdings, pending, rows, too_common

_AT_ONCE: Final = 10_000


def acknowledge(transaction: Transaction, number: int, refused: Collection[bytes]) -> None:
    """Within the transaction of a receipt: the hub holds the batch's records, but for the refused ones."""
    taken = (pending.c.batch == number) & pending.c.record_id.not_in(refused)
    put = select(pending.c.record_id, pending.c.revision).where(taken, ~is_withdrawal())
    held = upsert(holdings).from_select(["record_id", "revision"], put)
    newer = {"revision": held.excluded.revision}
    transaction.execute(held.on_conflict_do_update(index_elements=["record_id"], set_=newer))
    gone = select(pending.c.record_id).where(taken, is_withdrawal())
    transaction.execute(delete(holdings).where(holdings.c.record_id.in_(gone)))


class HoldingStore:
    """What the hub should hold."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def snapshot(self) -> tuple[ChainPosition, Summary]:
        """The chain's position and the summary of the holdings, of one instant."""
        query = select(holdings.c.record_id, holdings.c.revision).order_by(holdings.c.record_id)
        with self._database.read() as transaction:
            found = transaction.execute(query, execution_options={"yield_per": _AT_ONCE})
            summary = summarise((row.record_id, row.revision) for row in found)
            return _position(transaction), summary

    def count(self) -> int:
        """How many records the hub should hold."""
        with self._database.read() as transaction:
            return transaction.scalar(select(func.count()).select_from(holdings)) or 0

    def listed(self, buckets: Sequence[int]) -> dict[bytes, int]:
        """Revision by record id of the holdings in some buckets."""
        found: dict[bytes, int] = {}
        with self._database.read() as transaction:
            for bucket in buckets:
                query = select(holdings).where(holdings.c.record_id >= bytes([bucket]) + bytes(ID_BYTES - 1))
                if bucket + 1 < BUCKETS:
                    query = query.where(holdings.c.record_id < bytes([bucket + 1]) + bytes(ID_BYTES - 1))
                found |= {row.record_id: row.revision for row in transaction.execute(query)}
        return found

    def keep_common(self, found: Sequence[TooCommon]) -> None:
        """What the hub says is too common of ours, in place of what it said before."""
        values = [{"record_id": one.record_id, "kind": one.kind_id} for one in dict.fromkeys(found)]
        with self._database.write() as transaction:
            transaction.execute(delete(too_common))
            if values:
                transaction.execute(upsert(too_common), values)

    def common(self) -> list[tuple[str, int]]:
        """Reference and kind id of what is too common, by reference; rows that are gone are left out."""
        query = select(rows.c.reference, too_common.c.kind).join(
            rows, rows.c.record_id == too_common.c.record_id
        )
        with self._database.read() as transaction:
            found = transaction.execute(query.order_by(rows.c.reference, too_common.c.kind))
            return [(row.reference, row.kind) for row in found]

    def waiting(self, record_ids: Sequence[bytes]) -> frozenset[bytes]:
        """Those of some records that are in the outbox."""
        query = select(pending.c.record_id).where(pending.c.record_id.in_(record_ids))
        with self._database.read() as transaction:
            return frozenset(transaction.scalars(query))

    def mend(
        self,
        position: ChainPosition,
        held: Sequence[Holding],
        gone: Sequence[bytes],
        again: Sequence[tuple[bytes, int]],
    ) -> bool:
        """Take the hub's word, unless a receipt came in since `position`: then nothing is done, and False.

        `held` are held as the hub says, `gone` not at all. Rows of `again` (record id, last revision that
        the hub knows) are tokenised and sent again by the next reading, unless they are on their way.
        """
        with self._database.write() as transaction:
            if _position(transaction) != position:
                return False
            for one in held:
                _hold(transaction, one.record_id, one.revision)
            for record_id in gone:
                transaction.execute(delete(holdings).where(holdings.c.record_id == record_id))
            on_its_way = exists().where(pending.c.record_id == rows.c.record_id)
            for record_id, revision in again:
                mine = (rows.c.record_id == record_id) & (rows.c.state == RowState.ACTIVE)
                transaction.execute(
                    update(rows)
                    .where(mine, ~on_its_way)
                    .values(protocol="", revision=func.max(rows.c.revision, revision))
                )
        return True


def _hold(transaction: Transaction, record_id: bytes, revision: int) -> None:
    values = upsert(holdings).values(record_id=record_id, revision=revision)
    transaction.execute(
        values.on_conflict_do_update(index_elements=["record_id"], set_={"revision": revision})
    )


def _position(transaction: Transaction) -> ChainPosition:
    row = transaction.execute(select(chain)).first()
    return ChainPosition() if row is None else ChainPosition(row.sequence, row.digest)
