"""The hub's database: one engine, explicit transactions, migrations at start.

Promises
--------
1. `write()` is one transaction: it commits when the block ends and leaves nothing behind when it raises.
   On SQLite it takes the write lock at once (`BEGIN IMMEDIATE`), so that a transaction never fails half-way
   for want of the lock; the hub runs all writes on one thread.
2. `read()` sees one consistent state and never blocks a writer (SQLite in WAL mode).
3. An acknowledged commit is on disk (`synchronous=FULL`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, event

Transaction = Connection
"""A running transaction; steps pass it on and never look inside."""


class Database:
    """Opens transactions. Safe for use from several threads; a transaction belongs to one."""

    def __init__(self, url: str) -> None:
        self._engine = create_engine(url)
        if self._engine.dialect.name == "sqlite":
            _prepare_sqlite(self._engine)

    @contextmanager
    def write(self) -> Generator[Transaction]:
        """One writing transaction."""
        with (
            self._engine.connect().execution_options(passerelle_write=True) as connection,
            connection.begin(),
        ):
            yield connection

    @contextmanager
    def read(self) -> Generator[Transaction]:
        """One reading transaction."""
        with self._engine.connect() as connection, connection.begin():
            yield connection

    def migrate(self) -> None:
        """Bring the schema to the newest revision."""
        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
        with self.write() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    def close(self) -> None:
        """Give all connections back."""
        self._engine.dispose()


def _prepare_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def connected(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves, below
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=10000"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        write = connection.get_execution_options().get("passerelle_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
