"""Store of changes of weights: which were activated, how far pairs were scored anew, what was left behind.

Rows are added and never changed but for `rescored`. Whoever adds one has its turn (`turns`), and waits for
those who match batches for the first time (`hold`): what they score by former weights is scored anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import delete, func, insert, select, update

from passerelle_hub.store.database import Transaction
from passerelle_hub.store.dialect import among, on_sqlite, upsert
from passerelle_hub.store.tables import batch
from passerelle_hub.store.tables_weights import rescoring_left, weights_change

ALL: Final = -1
SCORE_LOCK: Final = 0x70617373_00000005
"""Advisory lock (PostgreSQL): shared by who scores, of its own for who makes other weights active."""


@dataclass(frozen=True, slots=True)
class StoredChange:
    """One activation; `file` and `revision` are empty for the shipped table."""

    generation: int
    revision: str
    file: bytes
    issued: int
    actor: str
    happened: int


@dataclass(frozen=True, slots=True)
class Reached:
    """How far pairs were scored anew for an activation: up to this batch, by key."""

    generation: int
    after: int


@dataclass(frozen=True, slots=True)
class LeftBatch:
    """A batch that was left behind: how often it was tried, and what it met the last time, and where."""

    batch_pk: int
    agency: str
    batch_id: bytes
    tries: int
    code: str
    place: str


_COLUMNS = tuple(weights_change.c[name] for name in StoredChange.__dataclass_fields__)


def listing(tx: Transaction) -> list[StoredChange]:
    """All activations, newest first."""
    query = select(*_COLUMNS).order_by(weights_change.c.generation.desc())
    return [StoredChange(*row) for row in tx.execute(query)]


def active(tx: Transaction) -> StoredChange | None:
    """The last activation."""
    query = select(*_COLUMNS).order_by(weights_change.c.generation.desc()).limit(1)
    row = tx.execute(query).one_or_none()
    return None if row is None else StoredChange(*row)


def hold(tx: Transaction) -> None:
    """From here until the transaction ends no other weights become active; SQLite has one writer anyway."""
    if not on_sqlite(tx):
        tx.exec_driver_sql("SELECT pg_advisory_xact_lock_shared(%s)", (SCORE_LOCK,))


def add(tx: Transaction, revision: str, file: bytes, issued: int, actor: str, now: int) -> int:
    """Add an activation; returns its generation."""
    if not on_sqlite(tx):
        tx.exec_driver_sql("SELECT pg_advisory_xact_lock(%s)", (SCORE_LOCK,))
    last = active(tx)
    row = StoredChange(last.generation + 1 if last else 1, revision, file, issued, actor, now)
    values = {name: getattr(row, name) for name in StoredChange.__dataclass_fields__}
    tx.execute(insert(weights_change).values(**values, rescored=0))
    return row.generation


def reached(tx: Transaction, *, claim: bool = False) -> Reached | None:
    """How far the last activation has got; nothing where none is ahead, or another process has claimed it."""
    newest = select(weights_change.c.generation).order_by(weights_change.c.generation.desc()).limit(1)
    query = select(weights_change.c.generation, weights_change.c.rescored).where(
        weights_change.c.generation == newest.scalar_subquery(), weights_change.c.rescored != ALL
    )
    row = tx.execute(query.with_for_update(skip_locked=True) if claim else query).one_or_none()
    return None if row is None else Reached(*row)


def rescored(tx: Transaction, generation: int, until: int) -> None:
    """Pairs are scored anew up to this batch, but for those left behind; `ALL` when none is ahead."""
    mine = weights_change.c.generation == generation
    tx.execute(update(weights_change).where(mine).values(rescored=until))


def leave(tx: Transaction, batch_pk: int, code: str, place: str) -> None:
    """A batch stays behind: it was tried once more, and met this."""
    met = {"code": code, "place": place}
    statement = upsert(tx, rescoring_left).values(batch_pk=batch_pk, tries=1, **met)
    tries = rescoring_left.c.tries + 1
    statement = statement.on_conflict_do_update(
        index_elements=[rescoring_left.c.batch_pk], set_={"tries": tries, **met}
    )
    tx.execute(statement)


def left(tx: Transaction, limit: int, without: Sequence[int] = ()) -> tuple[LeftBatch, ...]:
    """Batches that were left behind, those tried least first, but for those named."""
    columns = (batch.c.batch_pk, batch.c.agency, batch.c.batch_id)
    met = (rescoring_left.c.tries, rescoring_left.c.code, rescoring_left.c.place)
    query = select(*columns, *met).join(rescoring_left, rescoring_left.c.batch_pk == batch.c.batch_pk)
    if without:
        query = query.where(~among(tx, rescoring_left.c.batch_pk, without))
    rows = tx.execute(query.order_by(rescoring_left.c.tries, batch.c.batch_pk).limit(limit))
    return tuple(LeftBatch(*row) for row in rows)


def left_behind(tx: Transaction) -> int:
    """How many batches were left behind."""
    return int(tx.execute(select(func.count()).select_from(rescoring_left)).scalar_one())


def claim_left(tx: Transaction, batch_pk: int) -> bool:
    """Take a batch that was left behind until the transaction ends; not one that another process has."""
    mine = select(rescoring_left.c.batch_pk).where(rescoring_left.c.batch_pk == batch_pk)
    return tx.execute(mine.with_for_update(skip_locked=True)).first() is not None


def caught_up(tx: Transaction, keys: Sequence[int]) -> None:
    """Batches are behind no longer."""
    tx.execute(delete(rescoring_left).where(among(tx, rescoring_left.c.batch_pk, keys)))
