"""Store of batches and of each agency's chain.

Fault table
-----------
| write | lost by a crash | persisted although the caller saw a failure |
|---|---|---|
| `advance`, `put` (with the records) | sent again, taken as new | sent again: the stored receipt answers |
| `mark_matched` | matched again; links are upserts, nothing happens twice | nothing to do |
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import case, func, insert, select, update

from passerelle.record import GENESIS, Position
from passerelle_hub.store.database import Transaction
from passerelle_hub.store.dialect import among, on_sqlite, upsert
from passerelle_hub.store.tables import batch, chain


@dataclass(frozen=True, slots=True)
class StoredBatch:
    """What the hub keeps of a batch it answered: its statement digest and the receipt, exact bytes."""

    digest: bytes
    receipt: bytes


@dataclass(frozen=True, slots=True)
class NewBatch:
    """A batch about to be stored with its signed receipt; `state` is `indexed` or `refused`.

    `left_out` are the leaf hashes of headers that were refused, 32 bytes each, by position: with those that
    are stored they give the root that the agency signed.
    """

    agency: str
    batch_id: bytes
    sequence: int
    digest: bytes
    statement: bytes
    domain: str
    epoch: int
    state: str
    received: int
    receipt: bytes
    left_out: bytes = b""


@dataclass(frozen=True, slots=True)
class PendingBatch:
    """A batch between its two transactions."""

    batch_pk: int
    agency: str
    domain: str
    epoch: int
    batch_id: bytes


@dataclass(frozen=True, slots=True)
class Late:
    """Batches of an agency that wait to be matched: how many, since when, how many a newer one overtook."""

    agency: str
    waiting: int
    since: int
    overtaken: int


_PENDING = tuple(batch.c[name] for name in PendingBatch.__dataclass_fields__)


def position(tx: Transaction, agency: str) -> Position:
    """Where an agency's chain stands."""
    row = tx.execute(
        select(chain.c.next_sequence, chain.c.previous).where(chain.c.agency == agency)
    ).one_or_none()
    return Position(row.next_sequence, row.previous) if row else Position(1, GENESIS)


def lock(tx: Transaction, agency: str) -> Position:
    """As `position`, and no other transaction moves the chain until this one ends."""
    if on_sqlite(tx):
        return position(tx, agency)
    mine = select(chain.c.next_sequence, chain.c.previous).where(chain.c.agency == agency).with_for_update()
    row = tx.execute(mine).one_or_none()
    if row is None:  # the first batch of an agency
        begin = upsert(tx, chain).values(agency=agency, next_sequence=1, previous=GENESIS)
        tx.execute(begin.on_conflict_do_nothing())
        row = tx.execute(mine).one()
    return Position(row.next_sequence, row.previous)


def advance(tx: Transaction, agency: str, sequence: int, digest: bytes) -> None:
    """Use up a sequence number: the next batch must name `digest` as its predecessor."""
    values = {"next_sequence": sequence + 1, "previous": digest}
    statement = upsert(tx, chain).values(agency=agency, **values)
    tx.execute(statement.on_conflict_do_update(index_elements=[chain.c.agency], set_=values))


def find(tx: Transaction, agency: str, batch_id: bytes) -> StoredBatch | None:
    """A batch answered before."""
    row = tx.execute(
        select(batch.c.digest, batch.c.receipt).where(batch.c.agency == agency, batch.c.batch_id == batch_id)
    ).one_or_none()
    return StoredBatch(row.digest, row.receipt) if row else None


def put(tx: Transaction, new: NewBatch) -> int:
    """Store a batch; returns its key."""
    key = tx.execute(
        insert(batch)
        .values(
            agency=new.agency,
            batch_id=new.batch_id,
            sequence=new.sequence,
            digest=new.digest,
            statement=new.statement,
            domain=new.domain,
            epoch=new.epoch,
            state=new.state,
            received=new.received,
            receipt=new.receipt,
            left_out=new.left_out,
        )
        .returning(batch.c.batch_pk)
    ).scalar_one()
    return int(key)


def pending(tx: Transaction, limit: int, *, after: int = 0) -> tuple[PendingBatch, ...]:
    """Batches that are indexed and not yet matched, oldest first, those up to key `after` left out."""
    rows = tx.execute(
        select(*_PENDING)
        .where(batch.c.state == "indexed", batch.c.batch_pk > after)
        .order_by(batch.c.batch_pk)
        .limit(limit)
    )
    return tuple(PendingBatch(*row) for row in rows)


def newest(tx: Transaction, limit: int) -> tuple[PendingBatch, ...]:
    """Batches that are matched, newest first."""
    query = select(*_PENDING).where(batch.c.state == "matched").order_by(batch.c.batch_pk.desc()).limit(limit)
    return tuple(PendingBatch(*row) for row in tx.execute(query))


def matched_after(tx: Transaction, after: int, limit: int) -> tuple[PendingBatch, ...]:
    """Batches that are matched, oldest first, beyond key `after`."""
    query = select(*_PENDING).where(batch.c.state == "matched", batch.c.batch_pk > after)
    return tuple(PendingBatch(*row) for row in tx.execute(query.order_by(batch.c.batch_pk).limit(limit)))


def claim(tx: Transaction, keys: Sequence[int]) -> tuple[PendingBatch, ...]:
    """Take batches until the transaction ends, oldest first; what another has or finished is left."""
    query = select(*_PENDING).where(among(tx, batch.c.batch_pk, keys), batch.c.state == "indexed")
    rows = tx.execute(query.order_by(batch.c.batch_pk).with_for_update(skip_locked=True))
    return tuple(PendingBatch(*row) for row in rows)


def mark_matched(tx: Transaction, keys: Sequence[int]) -> None:
    """The second transaction of these batches is done."""
    tx.execute(update(batch).where(among(tx, batch.c.batch_pk, keys)).values(state="matched"))


def counts(tx: Transaction) -> dict[str, int]:
    """How many batches stand in each state."""
    rows = tx.execute(select(batch.c.state, func.count().label("n")).group_by(batch.c.state))
    return {row.state: int(row.n) for row in rows}


def late(tx: Transaction, before: int) -> tuple[Late, ...]:
    """What was received before then and is not yet matched, by agency."""
    newest_matched = select(func.max(batch.c.batch_pk)).where(batch.c.state == "matched").scalar_subquery()
    overtaken = func.sum(case((batch.c.batch_pk < newest_matched, 1), else_=0))
    rows = tx.execute(
        select(batch.c.agency, func.count(), func.min(batch.c.received), overtaken)
        .where(batch.c.state == "indexed", batch.c.received < before)
        .group_by(batch.c.agency)
        .order_by(batch.c.agency)
    )
    return tuple(Late(agency, waiting, since, int(passed)) for agency, waiting, since, passed in rows)
