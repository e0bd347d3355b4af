"""Store of the population: how many active records under no embargo each agency has in each domain.

Counted as records come and go, in the same transaction, so that no tick counts all records again. The store
of records alone calls `change`, behind the locks on the rows of these records: so two that count for one
agency never wait for each other.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select

from passerelle_hub.store.database import Transaction
from passerelle_hub.store.dialect import upsert
from passerelle_hub.store.tables_population import population

Held = tuple[str, str]
"""Domain and agency."""


def change(tx: Transaction, more: Mapping[Held, int]) -> None:
    """Count records that came, or (below zero) went."""
    rows = [
        {"domain": domain, "agency": agency, "visible": count}
        for (domain, agency), count in sorted(more.items())
        if count
    ]
    if not rows:
        return
    new = upsert(tx, population)
    counted = {"visible": population.c.visible + new.excluded.visible}
    keys = [population.c.domain, population.c.agency]
    tx.execute(new.on_conflict_do_update(index_elements=keys, set_=counted), rows)


def visible(tx: Transaction, domain: str) -> dict[str, int]:
    """How many active records of a domain each agency has under no embargo."""
    held = select(population.c.agency, population.c.visible).where(population.c.domain == domain)
    return {row.agency: int(row.visible) for row in tx.execute(held)}
