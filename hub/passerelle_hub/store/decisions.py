"""Store of decisions: what was asked, in canonical form, and what policy answered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter

from sqlalchemy import func, select

from passerelle_hub.store.database import Transaction
from passerelle_hub.store.dialect import among, insert_new, parts
from passerelle_hub.store.tables import decision


@dataclass(frozen=True, slots=True)
class StoredDecision:
    """One decision. `reasons`, `input` and `outcome` are JSON; the input holds no identifier by its schema.

    `outcome` is what was granted (see `policy.outcome`), empty for decisions older than migration 0006.
    """

    decision: str
    package: str
    agency: str
    allow: bool
    reasons: str
    input: str
    outcome: str
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
        asked = select(decision.c.decision).where(among(tx, decision.c.decision, part))
        found.update(tx.scalars(asked).all())  # all at once: one after another, each costs as much again
    return frozenset(found)


def count(tx: Transaction) -> int:
    """How many decisions are stored."""
    return int(tx.execute(select(func.count()).select_from(decision)).scalar_one())


def find(tx: Transaction, decision_id: str) -> StoredDecision | None:
    """One decision by its id."""
    row = tx.execute(select(decision).where(decision.c.decision == decision_id)).one_or_none()
    return None if row is None else StoredDecision(*(getattr(row, name) for name in _COLUMNS))


def newest(tx: Transaction) -> str:
    """The id of the newest decision; empty where there is none."""
    return str(tx.scalar(select(decision.c.decision).order_by(decision.c.decided.desc()).limit(1)) or "")


def pages(
    tx: Transaction, size: int, *, last: int | None = None, since: int = 0
) -> Iterator[list[StoredDecision]]:
    """Decisions in pages, newest first: at most the `last` ones, none older than `since`."""
    query = select(*(decision.c[name] for name in _COLUMNS)).where(decision.c.decided >= since)
    query = query.order_by(decision.c.decided.desc(), decision.c.decision).limit(last)
    found = tx.execute(query, execution_options={"yield_per": size})
    for page in found.partitions():
        yield [StoredDecision(*row) for row in page]
