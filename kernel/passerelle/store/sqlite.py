"""Explicit transactions, and SQLite with a write-ahead log told to be careful.

Promises
--------
1. `write()` is one transaction: it commits when the block ends and leaves nothing behind when it raises. On
   SQLite it takes the write lock at once (`BEGIN IMMEDIATE`), so that it never fails half-way for want of
   the lock; other writers wait for it, at most `BUSY_MILLISECONDS`.
2. `read()` sees one consistent state; on SQLite it blocks nobody and nobody blocks it.
3. An acknowledged commit is on disk (`synchronous=FULL`).
4. What is deleted is overwritten in the file (`secure_delete`).
5. A `DatabaseFile` belongs to its user alone (mode 0600). One written by another schema version is refused
   as it is: not guessed at and not changed.
6. Where the disk fails a write or a synchronisation the process ends at once (`disk`): nothing is
   acknowledged after that, and nothing is asked of the disk again before a restart has read what it holds.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import (
    URL,
    Column,
    Connection,
    Engine,
    Integer,
    MetaData,
    String,
    Table,
    create_engine,
    event,
    insert,
    select,
)
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.pool import NullPool

from passerelle.errors import PasserelleError
from passerelle.store.disk import stop_if_failed

Transaction = Connection
"""A running transaction; steps pass it on and never look inside."""

BUSY_MILLISECONDS: Final = 10_000
_PRAGMAS: Final = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    f"busy_timeout={BUSY_MILLISECONDS}",
    "secure_delete=ON",
)
_NO_DATABASE: Final = frozenset({sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT})

_VERSIONS: Final = MetaData()
_META: Final = Table(
    "meta", _VERSIONS, Column("key", String, primary_key=True), Column("value", Integer, nullable=False)
)


@dataclass(frozen=True, slots=True)
class Schema:
    """The tables of a file, their version, and the error code for a file of another version."""

    tables: MetaData
    version: int
    refusal: str


class Database:
    """Opens transactions. Safe for use from several threads; a transaction belongs to one."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @property
    def engine(self) -> Engine:
        """What stores listen to; transactions begin with `write` and `read` alone."""
        return self._engine

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


class DatabaseFile(Database):
    """One SQLite file with one schema.

    Args:
        file: created where missing; its folder must exist.
        schema: created in a new file, checked in an old one.
        pooled: keep connections until `close`; otherwise a connection lives for one transaction.

    Raises:
        PasserelleError: the code `schema.refusal`; `database_malformed`.
        OSError: the file cannot be created, or belongs to another user.
    """

    def __init__(self, file: Path, schema: Schema, *, pooled: bool = True) -> None:
        file.touch(mode=0o600)
        file.chmod(0o600)  # the log beside it takes over this mode
        url = URL.create("sqlite", database=str(file))
        super().__init__(sqlite_engine(url, pooled=pooled))
        try:
            with self.write() as transaction:
                _prepare(transaction, schema)
        except BaseException:
            self.close()
            raise


def sqlite_engine(url: URL | str, *, pooled: bool = True) -> Engine:
    """An engine that keeps promises 1 to 4 and 6 on SQLite; `pooled` as in `DatabaseFile`.

    A file that is no database is refused with `database_malformed` where a transaction begins.
    """
    engine = create_engine(url) if pooled else create_engine(url, poolclass=NullPool)
    name = Path(engine.url.database or "").name

    def connected(connection: sqlite3.Connection, _record: object) -> None:
        _prepare_connection(connection, name)

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", _begun)
    event.listen(engine, "handle_error", _faulted)
    return engine


def _prepare_connection(connection: sqlite3.Connection, name: str) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves, in `_begun`
    try:
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
    except sqlite3.Error as error:
        stop_if_failed(error)
        if error.sqlite_errorcode in _NO_DATABASE:
            raise PasserelleError("database_malformed", f"{name}: {error.sqlite_errorname}") from error
        raise


def _faulted(context: ExceptionContext) -> None:
    stop_if_failed(context.original_exception)


def _begun(connection: Connection) -> None:
    write = connection.get_execution_options().get("passerelle_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def _prepare(transaction: Transaction, schema: Schema) -> None:
    _VERSIONS.create_all(transaction)
    version = transaction.scalar(select(_META.c.value).where(_META.c.key == "schema"))
    if version is None:
        transaction.execute(insert(_META).values(key="schema", value=schema.version))
    elif version != schema.version:
        raise PasserelleError(schema.refusal, f"version {version}, this release writes {schema.version}")
    schema.tables.create_all(transaction)
