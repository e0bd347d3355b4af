"""Store of judgements: what each agency said of a link, in order. Rows are added and never changed.

Fault table
-----------
| write | lost by a crash | persisted although the caller saw a failure |
|---|---|---|
| `put` | the link keeps its state; the agency judges again | the same verdict again changes nothing |
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import func, insert, select

from passerelle.judgement import Verdict
from passerelle_hub.store.database import Transaction
from passerelle_hub.store.dialect import among, parts
from passerelle_hub.store.tables_judgements import judgement


@dataclass(frozen=True, slots=True)
class StoredJudgement:
    """A judgement as stored; `fields` is JSON, `signed` the statement with its signature."""

    agency: str
    judgement_id: bytes
    link_pk: int
    verdict: str
    fields: str
    decision: str
    recorded: int
    signed: bytes


class Standing(NamedTuple):
    """An agency's last judgement of a link, and the fields that agreed when it was given."""

    agency: str
    verdict: Verdict
    fields: frozenset[str]


_COLUMNS = tuple(judgement.c[name] for name in StoredJudgement.__dataclass_fields__)


def known(tx: Transaction, agency: str, judgement_id: bytes) -> bool:
    """Whether a judgement with this id was recorded before."""
    here = judgement.c.agency == agency, judgement.c.judgement_id == judgement_id
    return tx.execute(select(judgement.c.recorded).where(*here)).first() is not None


def next_moment(tx: Transaction, link_pk: int, now: int) -> int:
    """When a judgement of a link is recorded: now, and after all before it whatever the clock says."""
    last = tx.scalar(select(func.max(judgement.c.recorded)).where(judgement.c.link_pk == link_pk))
    return max(now, (last or 0) + 1)


def put(tx: Transaction, new: StoredJudgement) -> None:
    """Add one."""
    values = {name: getattr(new, name) for name in StoredJudgement.__dataclass_fields__}
    tx.execute(insert(judgement).values(**values))


def history(tx: Transaction, link_pk: int) -> tuple[StoredJudgement, ...]:
    """All judgements of a link, oldest first."""
    query = select(*_COLUMNS).where(judgement.c.link_pk == link_pk).order_by(judgement.c.recorded)
    return tuple(StoredJudgement(*row) for row in tx.execute(query))


def standing(tx: Transaction, links: Sequence[int]) -> dict[int, tuple[Standing, ...]]:
    """The last judgement of each agency of some links, by the link's key."""
    found: dict[int, dict[str, Standing]] = {}
    columns = (judgement.c.link_pk, judgement.c.agency, judgement.c.verdict, judgement.c.fields)
    for part in parts(tx, links):
        query = select(*columns).where(among(tx, judgement.c.link_pk, part)).order_by(judgement.c.recorded)
        for row in tx.execute(query):
            said = Standing(row.agency, Verdict(row.verdict), frozenset(json.loads(row.fields)))
            found.setdefault(row.link_pk, {})[row.agency] = said
    return {key: tuple(one.values()) for key, one in found.items()}
