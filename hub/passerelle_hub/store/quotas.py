"""Store of quotas: what an agency used of a resource on a day (UTC)."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.dialects.sqlite import insert

from passerelle_hub.store.database import Transaction
from passerelle_hub.store.tables import quota_use


def used(tx: Transaction, agency: str, resource: str, day: int) -> int:
    """Units used so far."""
    found = tx.execute(
        select(quota_use.c.used).where(
            quota_use.c.agency == agency, quota_use.c.resource == resource, quota_use.c.day == day
        )
    ).scalar_one_or_none()
    return int(found or 0)


def use(tx: Transaction, agency: str, resource: str, day: int, units: int) -> None:
    """Add units."""
    statement = insert(quota_use).values(agency=agency, resource=resource, day=day, used=units)
    tx.execute(
        statement.on_conflict_do_update(
            index_elements=[quota_use.c.agency, quota_use.c.resource, quota_use.c.day],
            set_={"used": quota_use.c.used + units},
        )
    )
