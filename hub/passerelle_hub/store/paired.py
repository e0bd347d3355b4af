"""Store of what a domain's pairs showed: four counts, added to when records are matched for the first time.

Who adds holds the row until the transaction ends. A record that comes again counts again, and what is
withdrawn is not taken away: only ratios are used. They forget: whenever a domain has `_FULL` records all
counts are halved, so that the last few million decide.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from sqlalchemy import func, select, update

from passerelle_hub.store.database import Transaction
from passerelle_hub.store.dialect import among, upsert
from passerelle_hub.store.tables import record
from passerelle_hub.store.tables_paired import paired_count

_FULL: Final = 4_000_000


class Counted(NamedTuple):
    """Records that were compared; strong links among them; pairs alike and apart (`match.paired`)."""

    records: int = 0
    links: int = 0
    alike: int = 0
    apart: int = 0


_COUNTS: Final = tuple(paired_count.c[name] for name in Counted._fields)


def of(tx: Transaction, domain: str) -> Counted:
    """What a domain's pairs showed; nothing where none did."""
    row = tx.execute(select(*_COUNTS).where(paired_count.c.domain == domain)).one_or_none()
    return Counted._make(row) if row else Counted()


def add(tx: Transaction, found: Mapping[str, Counted]) -> None:
    """Add to each domain's counts, in order of their names."""
    for domain, counted in sorted(found.items()):
        statement = upsert(tx, paired_count).values(domain=domain, **counted._asdict())
        total = {column.name: column + statement.excluded[column.name] for column in _COUNTS}
        tx.execute(statement.on_conflict_do_update(index_elements=["domain"], set_=total))
        full = update(paired_count).where(paired_count.c.domain == domain, paired_count.c.records >= _FULL)
        tx.execute(full.values({column.name: column // 2 for column in _COUNTS}))


def new(tx: Transaction, keys: Sequence[int]) -> dict[str, int]:
    """Domain to how many active records the batches hold that are under no embargo."""
    rows = tx.execute(
        select(record.c.domain, func.count().label("n"))
        .where(among(tx, record.c.batch_pk, keys), record.c.state == "active", record.c.embargoed.is_(False))
        .group_by(record.c.domain)
    )
    return {row.domain: int(row.n) for row in rows}
