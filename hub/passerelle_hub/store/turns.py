"""Turns: who decides on what it reads, and is asked rarely, does so alone among a database's processes.

For operators' decisions, trustees' reports and the retention sweep: between what they read and what they
write nobody else commits one. A lock on the rows would not do, since some of them are not there yet. Steps
that agencies wait for lock what they read instead. Taken first in a transaction, so that nobody waits for a
turn with rows in hand.
"""

from __future__ import annotations

from typing import Final

from passerelle_hub.store.database import Transaction
from passerelle_hub.store.dialect import on_sqlite

TURN_LOCK: Final = 0x70617373_00000004
"""Advisory lock (PostgreSQL) of whoever's turn it is, until the commit."""


def take(tx: Transaction) -> None:
    """Wait for one's turn, which lasts until the transaction ends; SQLite has one writer anyway."""
    if not on_sqlite(tx):
        tx.exec_driver_sql("SELECT pg_advisory_xact_lock(%s)", (TURN_LOCK,))
