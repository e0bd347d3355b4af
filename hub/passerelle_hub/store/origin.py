"""Which PostgreSQL server, in which of its lives, the hub's tables belong to: so a restored one is known.

A server keeps its system identifier for life. A server that came up from a copy and archived log, or that was
a standby, goes on under a new timeline; a dump is loaded into a server of another identifier. So tables that
name another server or timeline than the one they are on were restored, or failed over, and nobody said so
yet. `Recovery.begin` says so. What a copy of the disk under a stopped server changes is neither; that a hub
went back in time then shows by its log alone.

SQLite's restore marks what it restores before anybody can open it.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import delete, insert, select

from passerelle_hub.store.backup_tables import origin
from passerelle_hub.store.database import SERVER, Transaction
from passerelle_hub.store.dialect import on_sqlite


@dataclass(frozen=True, slots=True)
class Origin:
    """A server by its system identifier, and the timeline of its log."""

    system: int
    timeline: int


def here(tx: Transaction) -> Origin | None:
    """The server of a transaction; None on SQLite."""
    if on_sqlite(tx):
        return None
    system, timeline = tx.exec_driver_sql(SERVER).one()
    return Origin(system, timeline)


def settle(tx: Transaction) -> None:
    """From now on the tables belong to the server they are on."""
    found = here(tx)
    if found is not None:
        tx.execute(delete(origin))
        tx.execute(insert(origin).values(id=1, system=found.system, timeline=found.timeline))


def moved(tx: Transaction) -> bool:
    """Whether the tables belong to another server than the one they are on, or to none."""
    found = here(tx)
    if found is None:
        return False
    row = tx.execute(select(origin.c.system, origin.c.timeline)).one_or_none()
    return row is None or Origin(row.system, row.timeline) != found
