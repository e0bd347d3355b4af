"""The outbox's tables: records waiting for a batch, batches waiting for a receipt, the chain's position.

Each public method is one transaction. See `passerelle_connector.outbox` for the table of faults.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, exists, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from passerelle.codec.signed import decode_signed, encode_signed
from passerelle.record import KekWrap
from passerelle.sign import Signed
from passerelle_connector.model import (
    BatchKeys,
    BatchState,
    ChainPosition,
    ClosedBatch,
    OutgoingRecord,
    PendingRecord,
    Reject,
    RowState,
    SectionSalt,
    TokenProtocol,
)
from passerelle_connector.store.database import Database, Transaction
from passerelle_connector.store.holdings import acknowledge
from passerelle_connector.store.receipts import receipted, references_of, settle_withdrawals
from passerelle_connector.store.rows import replace_rejects
from passerelle_connector.store.sealed import (
    drop_records,
    insert_records,
    is_withdrawal,
    read_records,
    read_salts,
    wrap_values,
)
from passerelle_connector.store.tables import (
    attempts,
    batches,
    chain,
    keks,
    pending,
    rows,
    wraps,
)


class OutboxStore:
    """Records and batches on their way to the hub."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(
        self,
        records: Sequence[OutgoingRecord],
        notes: Sequence[Reject] = (),
        seen: Sequence[str] = (),
        run: int = 0,
        refused: Sequence[str] = (),
    ) -> None:
        """Make sealed records durable, with their rows, salts and notes; mark the known rows a reading met.

        `refused` are references of rows that go no further: what is out of them is to be withdrawn.

        An older revision of the same record that has no batch yet is dropped: only the newest travels. A
        record whose revision was used meanwhile (a withdrawal by hand, beside a reading) is left out: the
        next reading sees the row as it stands now.
        """
        with self._database.write() as transaction:
            records = _still_next(transaction, records)
            ids = [record.row.record_id for record in records]
            waiting = pending.c.batch.is_(None) & pending.c.record_id.in_(ids)
            drop_records(transaction, waiting)
            start = (transaction.scalar(select(func.max(pending.c.position))) or 0) + 1
            insert_records(transaction, start, records)
            if seen:
                transaction.execute(update(rows).where(rows.c.reference.in_(seen)).values(seen_run=run))
            if refused:
                out = rows.c.reference.in_(refused) & (rows.c.state == RowState.ACTIVE)
                transaction.execute(update(rows).where(out).values(state=RowState.REFUSED))
            put = [record.row.reference for record in records if record.sealed.kinds]  # others are withdrawn
            replace_rejects(transaction, notes, put)

    def waiting(self, limit: int) -> tuple[PendingRecord, ...]:
        """The oldest records without batch that share a protocol, at most `limit`."""
        free = pending.c.batch.is_(None)
        first = select(pending.c.protocol).where(free).order_by(pending.c.position).limit(1)
        query = select(pending).where(free, pending.c.protocol == first.scalar_subquery())
        with self._database.read() as transaction:
            return read_records(transaction, query.order_by(pending.c.position).limit(limit))

    def close(self, batch_id: bytes, at: int, records: Sequence[PendingRecord], keys: BatchKeys) -> bool:
        """Fix a batch's contents and wraps. False where a record was replaced in the meantime: try again."""
        positions = [record.position for record in records]
        revisions = {(record.position, record.record_id, record.revision) for record in records}
        with self._database.write() as transaction:
            query = select(pending.c.position, pending.c.record_id, pending.c.revision, pending.c.protocol)
            free = pending.c.batch.is_(None) & pending.c.position.in_(positions)
            found = transaction.execute(query.where(free)).all()
            if {(row.position, row.record_id, row.revision) for row in found} != revisions:
                return False
            row = {"batch_id": batch_id, "created": at, "protocol": found[0].protocol}
            made = insert(batches).values(state=BatchState.CLOSED, **row).returning(batches.c.number)
            number = transaction.execute(made).scalar_one()
            transaction.execute(update(pending).where(pending.c.position.in_(positions)).values(batch=number))
            if keys.keks:
                transaction.execute(
                    insert(keks),
                    [
                        {
                            "batch": number,
                            "recipient": kek.recipient,
                            "key_id": kek.key_id,
                            "sealed": kek.sealed,
                        }
                        for kek in keys.keks
                    ],
                )
            if keys.wraps:
                transaction.execute(insert(wraps), [wrap_values(at, wrap) for at, wrap in keys.wraps])
        return True

    def in_flight(self) -> ClosedBatch | None:
        """The batch that was sent and has no receipt; at most one."""
        return self._batch(BatchState.SENT)

    def next_closed(self) -> ClosedBatch | None:
        """The oldest batch that was never sent."""
        return self._batch(BatchState.CLOSED)

    def position(self) -> ChainPosition:
        """The last sequence number used up and its statement's digest."""
        with self._database.read() as transaction:
            row = transaction.execute(select(chain)).first()
        return ChainPosition() if row is None else ChainPosition(row.sequence, row.digest)

    def mark_sent(self, number: int, sequence: int, signed: Signed) -> None:
        """Keep the statement exactly as it will be sent, before the first byte of it is."""
        with self._database.write() as transaction:
            transaction.execute(
                update(batches)
                .where(batches.c.number == number)
                .values(state=BatchState.SENT, sequence=sequence, statement=encode_signed(signed))
            )

    def unsend(self, number: int, digest: bytes, signed: Signed) -> None:
        """Put a batch back whose number the hub did not use up.

        Its statement is kept by its digest until the batch has a receipt: it may have been sent twice, and
        the other one may still be under way.
        """
        with self._database.write() as transaction:
            kept = upsert(attempts).values(digest=digest, batch=number, statement=encode_signed(signed))
            transaction.execute(kept.on_conflict_do_nothing())
            transaction.execute(
                update(batches)
                .where(batches.c.number == number)
                .values(state=BatchState.CLOSED, sequence=0, statement=None)
            )

    def attempt(self, digest: bytes) -> tuple[int, Signed] | None:
        """The batch of a statement that was put back, and the statement."""
        with self._database.read() as transaction:
            row = transaction.execute(select(attempts).where(attempts.c.digest == digest)).first()
        return None if row is None else (row.batch, decode_signed(row.statement))

    def settle(
        self,
        number: int,
        receipt: Signed,
        code: str,
        position: ChainPosition,
        refused: Sequence[tuple[bytes, Reject]],
    ) -> None:
        """Take a receipt: advance the chain, drop the batch's contents, note the refused records.

        `refused` pairs record ids with rejects whose reference is still empty: the row's own is filled in.
        Nothing is noted against a row that has a newer revision by now: that one gets its own answer.
        Of a record whose withdrawal is confirmed the salts are shredded, so that nobody opens it any more; a
        row whose withdrawal was refused stands as before.
        """
        with self._database.write() as transaction:
            receipted(transaction, number, receipt, code, position)
            settle_withdrawals(transaction, number, {record_id for record_id, _ in refused})
            if not code:
                acknowledge(transaction, number, [record_id for record_id, _ in refused])
            references = references_of(transaction, number, [record_id for record_id, _ in refused])
            named = tuple(
                Reject(references[record_id], note.code, note.target, note.fatal, note.at, note.reasons)
                for record_id, note in refused
                if record_id in references
            )
            replace_rejects(transaction, named)
            drop_records(transaction, pending.c.batch == number)

    def requeue(self, number: int, receipt: Signed, code: str, position: ChainPosition) -> None:
        """Take a refusal that another batch may escape: the records wait again, in their old order."""
        with self._database.write() as transaction:
            receipted(transaction, number, receipt, code, position)
            newer = pending.alias()
            replaced = exists().where(
                newer.c.record_id == pending.c.record_id, newer.c.revision > pending.c.revision
            )
            drop_records(transaction, (pending.c.batch == number) & replaced)
            mine = select(pending.c.position).where(pending.c.batch == number)
            transaction.execute(delete(wraps).where(wraps.c.position.in_(mine)))
            transaction.execute(update(pending).where(pending.c.batch == number).values(batch=None))

    def retokenise(self, number: int, receipt: Signed, code: str, position: ChainPosition) -> None:
        """Take a refusal of epoch or protocol: the next reading tokenises the rows again.

        A withdrawal has no tokens; it waits for another batch (see `adopt_withdrawals`).
        """
        with self._database.write() as transaction:
            receipted(transaction, number, receipt, code, position)
            again = (pending.c.batch == number) & is_withdrawal()
            transaction.execute(update(pending).where(again).values(batch=None))
            mine = select(pending.c.record_id).where(pending.c.batch == number)
            transaction.execute(update(rows).where(rows.c.record_id.in_(mine)).values(protocol=""))
            drop_records(transaction, pending.c.batch == number)

    def adopt_withdrawals(self, protocol: str) -> None:
        """Let withdrawals without batch travel with the records of today's protocol."""
        old = pending.c.batch.is_(None) & is_withdrawal() & (pending.c.protocol != protocol)
        with self._database.write() as transaction:
            transaction.execute(update(pending).where(old).values(protocol=protocol))

    def salts(self, record_id: bytes, revision: int) -> tuple[SectionSalt, ...]:
        """What the section keys of a revision are derived from; empty once shredded."""
        with self._database.read() as transaction:
            return read_salts(transaction, [(record_id, revision)]).get((record_id, revision), ())

    def counts(self) -> tuple[int, dict[str, int]]:
        """Records without batch, and batches by state."""
        with self._database.read() as transaction:
            free = select(func.count()).select_from(pending).where(pending.c.batch.is_(None))
            by_state = transaction.execute(
                select(batches.c.state, func.count().label("many")).group_by(batches.c.state)
            )
            return transaction.scalar(free) or 0, {row.state: row.many for row in by_state}

    def last_refusal(self) -> str:
        """The code of the newest receipted batch; empty where it was accepted, or none is."""
        query = select(batches.c.code).where(batches.c.state == BatchState.RECEIPTED)
        with self._database.read() as transaction:
            return transaction.scalar(query.order_by(batches.c.number.desc()).limit(1)) or ""

    def _batch(self, state: BatchState) -> ClosedBatch | None:
        with self._database.read() as transaction:
            query = select(batches).where(batches.c.state == state).order_by(batches.c.number).limit(1)
            row = transaction.execute(query).first()
            if row is None:
                return None
            mine = select(pending).where(pending.c.batch == row.number).order_by(pending.c.position)
            records = read_records(transaction, mine)
            wrapped = select(keks).where(keks.c.batch == row.number).order_by(keks.c.recipient)
            return ClosedBatch(
                number=row.number,
                batch_id=row.batch_id,
                created=row.created,
                protocol=TokenProtocol.parse(row.protocol),
                record_ids=tuple(record.record_id for record in records),
                records=tuple(record.sealed for record in records),
                keks=tuple(
                    KekWrap(kek.recipient, kek.key_id, kek.sealed) for kek in transaction.execute(wrapped)
                ),
                signed=None if row.statement is None else decode_signed(row.statement),
            )


def _still_next(transaction: Transaction, records: Sequence[OutgoingRecord]) -> list[OutgoingRecord]:
    """The records whose revision is beyond the last one known of their row."""
    query = select(rows.c.record_id, rows.c.revision)
    known = query.where(rows.c.record_id.in_([record.row.record_id for record in records]))
    used = {row.record_id: row.revision for row in transaction.execute(known)}
    return [record for record in records if record.row.revision > used.get(record.row.record_id, 0)]
