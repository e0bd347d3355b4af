"""Store of decisions: what was asked, in canonical form, and what policy answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter

from sqlalchemy import func, select

from passerelle_hub.store.database import Transaction
from passerelle_hub.store.dialect import among, insert_new, parts
from passerelle_hub.store.tables import decision


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


_COLUMNS = tuple(StoredDecision.__dataclass_fields__)
_VALUES = attrgetter(*_COLUMNS)


def put(tx: Transaction, rows: Sequence[StoredDecision]) -> None:
    """Store decisions; one already stored (answered from the cache) stays as it is."""
    ordered = sorted(rows, key=attrgetter("decision"))
    insert_new(tx, decision, _COLUMNS, [_VALUES(row) for row in ordered])


def stored(tx: Transaction, ids: Sequence[str]) -> frozenset[str]:
    """Those of some decisions that are stored already."""
    found: set[str] = set()
    for part in parts(tx, ids):
        found.update(tx.scalars(select(decision.c.decision).where(among(tx, decision.c.decision, part))))
    return frozenset(found)


def count(tx: Transaction) -> int:
    """How many decisions are stored."""
    return int(tx.execute(select(func.count()).select_from(decision)).scalar_one())
