"""Store of changes of weights: which were activated, and how far pairs were scored anew.

Rows are added and never changed but for `rescored`. Whoever adds one has its turn (`turns`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import insert, select, update

from passerelle_hub.store.database import Transaction
from passerelle_hub.store.tables_weights import weights_change

ALL: Final = -1


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
class Rescoring:
    """What is left of scoring pairs anew: after which batch to go on."""

    generation: int
    after: int


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


def add(tx: Transaction, revision: str, file: bytes, issued: int, actor: str, now: int) -> int:
    """Add an activation; returns its generation."""
    last = active(tx)
    row = StoredChange(last.generation + 1 if last else 1, revision, file, issued, actor, now)
    values = {name: getattr(row, name) for name in StoredChange.__dataclass_fields__}
    tx.execute(insert(weights_change).values(**values, rescored=0))
    return row.generation


def behind(tx: Transaction) -> bool:
    """Whether pairs are still to be scored anew for the last activation."""
    query = select(weights_change.c.rescored).order_by(weights_change.c.generation.desc()).limit(1)
    return tx.execute(query).scalar() not in (None, ALL)


def claim_rescoring(tx: Transaction) -> Rescoring | None:
    """What is left for the last activation; nothing where another process is at it."""
    newest = select(weights_change.c.generation).order_by(weights_change.c.generation.desc()).limit(1)
    query = select(weights_change.c.generation, weights_change.c.rescored).where(
        weights_change.c.generation == newest.scalar_subquery(), weights_change.c.rescored != ALL
    )
    row = tx.execute(query.with_for_update(skip_locked=True)).one_or_none()
    return None if row is None else Rescoring(*row)


def rescored(tx: Transaction, generation: int, until: int) -> None:
    """Pairs are scored anew up to this batch; `ALL` when none is left."""
    mine = weights_change.c.generation == generation
    tx.execute(update(weights_change).where(mine).values(rescored=until))
