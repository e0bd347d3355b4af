"""Wake-ups between the hub processes on one database: the process that closed a tick tells the others.

PostgreSQL delivers a NOTIFY when its transaction commits, so that whoever is woken finds what it is woken
for. A wake-up may be lost with a connection: the table is the truth, and everybody looks again by themselves
after some ticks of silence.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from passerelle.log import get_logger
from passerelle_hub.store.database import Database, Transaction
from passerelle_hub.store.dialect import on_sqlite

CHANNEL: Final = "passerelle_tick"
_AGAIN_SECONDS: Final = 0.5
_LOG: Final = get_logger("waking")


def wake(tx: Transaction) -> None:
    """Wake every process of the hub when this transaction commits; nobody on SQLite, where there is one."""
    if not on_sqlite(tx):
        tx.exec_driver_sql(f"NOTIFY {CHANNEL}")


class Waking:
    """A thread that listens on a connection of its own and calls `woken` for each wake-up."""

    def __init__(self, database: Database, woken: Callable[[], None]) -> None:
        self._database = database
        self._woken = woken
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to listen; on SQLite there is nothing to listen for."""
        if self._database.concurrent:
            self._thread = threading.Thread(target=self._listen, name="hub-waking", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Listen no more."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _listen(self) -> None:
        while not self._stop.is_set():
            try:
                self._follow()
            except Exception as fault:  # noqa: BLE001 - a lost connection is opened again; ticks go on meanwhile
                _LOG.warning("waking.lost", exception_type=type(fault).__name__)
                self._stop.wait(_AGAIN_SECONDS)

    def _follow(self) -> None:
        with self._database.connect() as connection:
            connection.execute(f"LISTEN {CHANNEL}".encode())
            while not self._stop.is_set():
                if any(True for _ in connection.notifies(timeout=_AGAIN_SECONDS, stop_after=1)):
                    self._woken()
