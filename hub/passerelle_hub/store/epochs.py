"""Store of token epochs: what the operator decided, and how many records stand in each."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import delete, func, insert, select

from passerelle_hub.store.database import Transaction
from passerelle_hub.store.tables import record
from passerelle_hub.store.tables_epochs import token_epoch


class StoredEpoch(NamedTuple):
    """What was decided of an epoch."""

    domain: str
    epoch: int
    state: str


def every(tx: Transaction) -> tuple[StoredEpoch, ...]:
    """All that were decided."""
    rows = tx.execute(select(token_epoch.c.domain, token_epoch.c.epoch, token_epoch.c.state))
    return tuple(StoredEpoch._make(row) for row in rows)


def put(tx: Transaction, domain: str, epoch: int, state: str, since: int, actor: str) -> None:
    """Replace what was decided of an epoch."""
    tx.execute(delete(token_epoch).where(token_epoch.c.domain == domain, token_epoch.c.epoch == epoch))
    row = {"domain": domain, "epoch": epoch, "state": state, "since": since, "actor": actor}
    tx.execute(insert(token_epoch).values(**row))


def held(tx: Transaction) -> dict[tuple[str, int], dict[str, int]]:
    """How many active records each agency has, by domain and epoch."""
    query = (
        select(record.c.domain, record.c.epoch, record.c.agency, func.count().label("held"))
        .where(record.c.state == "active")
        .group_by(record.c.domain, record.c.epoch, record.c.agency)
    )
    found: dict[tuple[str, int], dict[str, int]] = {}
    for row in tx.execute(query):
        found.setdefault((row.domain, row.epoch), {})[row.agency] = row.held
    return found
