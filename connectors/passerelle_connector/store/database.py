"""The connector's database: one SQLite file, write-ahead log, one writer at a time.

Promises
--------
1. `write()` is one transaction that takes the write lock at once: it is on disk when the block ends
   (`synchronous=FULL`) and leaves nothing behind when the block raises.
2. `read()` sees one consistent state and blocks nobody.
3. A file written by another schema version is refused, not guessed at.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, create_engine, event, insert, select

from passerelle.errors import PasserelleError
from passerelle_connector.store import tables

Transaction = Connection


class Database:
    """Opens transactions. Safe for use from several threads; a transaction belongs to one."""

    def __init__(self, file: Path) -> None:
        """Open or create the file.

        Raises:
            PasserelleError: `store_version`.
        """
        self._engine = create_engine(f"sqlite:///{file}")
        event.listen(self._engine, "connect", _connected)
        event.listen(self._engine, "begin", _begun)
        with self.write() as transaction:
            tables.metadata.create_all(transaction)
            version = transaction.scalar(select(tables.meta.c.value).where(tables.meta.c.key == "schema"))
            if version is None:
                version = tables.SCHEMA_VERSION
                transaction.execute(insert(tables.meta).values(key="schema", value=version))
        if version != tables.SCHEMA_VERSION:
            self.close()
            raise PasserelleError("store_version", f"{version}, not {tables.SCHEMA_VERSION}")
        file.chmod(0o600)

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

    def close(self) -> None:
        """Give all connections back."""
        self._engine.dispose()


def _connected(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves, below
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=10000", "secure_delete=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begun(connection: Connection) -> None:
    write = connection.get_execution_options().get("passerelle_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
