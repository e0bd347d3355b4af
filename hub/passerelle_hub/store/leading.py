"""Which of several hub processes on one database leads: the one that holds the advisory lock.

The lock belongs to a connection of its own, outside the pool. When its process or the connection dies,
PostgreSQL lets go of it and the next process that asks has it. SQLite has one hub process, which leads.

A process that lost its connection may believe for one tick that it leads still. So no step relies on the lock
alone: a tick of the log has a number that stands once, jobs stand twice without harm.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from passerelle.log import get_logger
from passerelle_hub.store.database import Database

if TYPE_CHECKING:
    import psycopg

LEADER_LOCK: Final = 0x70617373_00000002
_LOG: Final = get_logger("leading")


class Leader:
    """This process's claim to lead. `held` is asked by one thread; anybody may read `leads`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: psycopg.Connection[Any] | None = None
        self.leads = False
        """What the last `held` said."""

    def held(self) -> bool:
        """Whether this process leads now; tries to where nobody does."""
        if not self._database.concurrent:
            self.leads = True
            return True
        before, self.leads = self.leads, False
        try:
            self.leads = self._ask(before)
        except Exception as fault:  # noqa: BLE001 - without the database nobody leads; the next tick asks again
            _LOG.warning("leading.unknown", exception_type=type(fault).__name__)
            self.close()
        if self.leads and not before:
            _LOG.info("leading.taken")
        return self.leads

    def _ask(self, before: bool) -> bool:
        if self._connection is None:
            self._connection = self._database.connect()
            before = False
        query = "SELECT true" if before else f"SELECT pg_try_advisory_lock({LEADER_LOCK})"
        row = self._connection.execute(query.encode()).fetchone()
        return bool(row and row[0])

    def close(self) -> None:
        """Lead no longer, so that another process may at once."""
        led, self.leads = self.leads, False
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if led:  # the server lets go of a closed connection's lock when it comes to it, which is not at once
            with suppress(Exception):
                connection.execute(f"SELECT pg_advisory_unlock({LEADER_LOCK})".encode())
        connection.close()
