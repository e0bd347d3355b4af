"""Store of quotas: what an agency used of a resource on a day (UTC)."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import func, select

from passerelle_hub.store.database import Transaction
from passerelle_hub.store.dialect import upsert
from passerelle_hub.store.tables import quota_use


def used(tx: Transaction, agency: str, resource: str, day: int) -> int:
    """Units used so far."""
    found = tx.execute(
        select(quota_use.c.used).where(
            quota_use.c.agency == agency, quota_use.c.resource == resource, quota_use.c.day == day
        )
    ).scalar_one_or_none()
    return int(found or 0)


def use(tx: Transaction, agency: str, day: int, units: Mapping[str, int]) -> Mapping[str, int]:
    """Add units of resources; returns what is used of each now, which nobody can change before the commit."""
    rows = [
        {"agency": agency, "resource": resource, "day": day, "used": more}
        for resource, more in sorted(units.items())
    ]
    statement = upsert(tx, quota_use)
    added = statement.on_conflict_do_update(
        index_elements=[quota_use.c.agency, quota_use.c.resource, quota_use.c.day],
        set_={"used": quota_use.c.used + statement.excluded.used},
    )
    found = tx.execute(added.returning(quota_use.c.resource, quota_use.c.used), rows)
    return {row.resource: int(row.used) for row in found}


def sums(tx: Transaction, since: int) -> Mapping[tuple[str, str], int]:
    """Units used from a day on, by agency and resource."""
    rows = tx.execute(
        select(quota_use.c.agency, quota_use.c.resource, func.sum(quota_use.c.used).label("units"))
        .where(quota_use.c.day >= since)
        .group_by(quota_use.c.agency, quota_use.c.resource)
    )
    return {(row.agency, row.resource): int(row.units) for row in rows}
