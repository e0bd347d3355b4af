"""A partner's own database, read and never written: the rows of one query, as they come.

Promises
--------
1. One transaction a reading, begun read-only on PostgreSQL and SQLite and rolled back everywhere. That is a
   second lock: the first is an account that may only read.
2. Rows are fetched `_AT_ONCE` at a time through a server-side cursor where the driver has one.
3. No message of the database goes further: it may quote a row or the address with its password. What is
   raised names the kind of the fault alone.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from passerelle.errors import PasserelleError

_AT_ONCE: Final = 500
_READ_ONLY: Final = {"sqlite": "PRAGMA query_only = ON", "postgresql": "SET TRANSACTION READ ONLY"}


class ExternalDatabase:
    """Streams queries. Every query has a connection of its own; threads may take turns in driving one."""

    def __init__(self, url: str) -> None:
        """Connects to nothing yet.

        Raises:
            PasserelleError: `source_url_invalid`, `source_driver_missing`.
        """
        self._engine = _engine(url)

    def rows(
        self, query: str, parameters: Mapping[str, Any], check: Callable[[Sequence[str]], None]
    ) -> Generator[dict[str, Any]]:
        """The rows of a query by column name; closing the iterator ends the transaction.

        `check` sees the names of the columns, one named twice included, before the first row.

        Raises:
            PasserelleError: `source_unreadable`, also between two rows; what `check` raises.
        """
        try:
            with self._engine.connect() as connection:
                _forbid_writing(connection)
                streamed = connection.execution_options(yield_per=_AT_ONCE)
                found = streamed.execute(text(query), parameters)
                check(tuple(found.keys()))
                for row in found.mappings():
                    yield dict(row)
        except SQLAlchemyError as error:
            raise PasserelleError("source_unreadable", type(error).__name__) from None


def parameters_of(query: str) -> frozenset[str]:
    """The names of the parameters (`:name`) of a query."""
    return frozenset(text(query).compile().params)


def _forbid_writing(connection: Connection) -> None:
    if statement := _READ_ONLY.get(connection.dialect.name):
        connection.exec_driver_sql(statement)


def _engine(url: str) -> Engine:
    try:
        return create_engine(url, poolclass=NullPool)
    except (NoSuchModuleError, ImportError):
        raise PasserelleError("source_driver_missing") from None
    except SQLAlchemyError:
        raise PasserelleError("source_url_invalid") from None
