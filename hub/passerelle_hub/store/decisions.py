"""Store of decisions: what was asked, in canonical form, and what policy answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.dialects.sqlite import insert

from passerelle_hub.store.database import Transaction
from passerelle_hub.store.tables import decision

_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class StoredDecision:
    """One decision. `reasons` and `input` are JSON; the input holds no identifier by its schema."""

    decision: str
    package: str
    agency: str
    allow: bool
    reasons: str
    input: str
    policy_revision: str
    data_revision: str
    decided: int


def put(tx: Transaction, rows: Sequence[StoredDecision]) -> None:
    """Store decisions; one already stored (answered from the cache) stays as it is."""
    if rows:
        values = [{name: getattr(row, name) for name in StoredDecision.__dataclass_fields__} for row in rows]
        tx.execute(insert(decision).on_conflict_do_nothing(), values)


def stored(tx: Transaction, ids: Sequence[str]) -> frozenset[str]:
    """Those of some decisions that are stored already."""
    found: set[str] = set()
    for at in range(0, len(ids), _AT_ONCE):
        part = ids[at : at + _AT_ONCE]
        found.update(tx.scalars(select(decision.c.decision).where(decision.c.decision.in_(part))))
    return frozenset(found)


def count(tx: Transaction) -> int:
    """How many decisions are stored."""
    return int(tx.execute(select(func.count()).select_from(decision)).scalar_one())
