"""What SQLite and PostgreSQL say differently: upserts, rows in bulk, lists of keys.

PostgreSQL takes rows by binary COPY, at a twenty-seventh of what SQLAlchemy's own insert costs, and a list of
keys as one array, so that a statement is the same text however many there are; as one parameter, too, since
psycopg writes an array element by element, at a higher cost than all the rest of such a statement. SQLite
takes tuples past SQLAlchemy's compiler, at a quarter of the cost.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Final, cast

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    CursorResult,
    Executable,
    Float,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    any_,
    func,
    literal,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import UserDefinedType

from passerelle_hub.store.column_types import Marks
from passerelle_hub.store.database import Transaction

if TYPE_CHECKING:
    import psycopg

_MARKS: Final = "uuid[]"
_TYPES: Final = (
    (SmallInteger, "int2"),
    (BigInteger, "int8"),  # before Integer, which both are
    (Integer, "int4"),
    (Boolean, "bool"),
    (Float, "float8"),
    (LargeBinary, "bytea"),
    (Marks, _MARKS),
)
_ID_BYTES: Final = 16
AT_ONCE: Final = 500
"""Keys in one query of SQLite; it takes 32,766 parameters, the planner likes fewer."""


class _Numbers(UserDefinedType[str]):
    """An array of numbers, given as PostgreSQL writes one.

    A parameter of that type and not a text cast to it: what is in a text the planner does not see.
    """

    cache_ok = True
    render_bind_cast = True

    def get_col_spec(self, **_: object) -> str:
        """The parameter's type."""
        return "BIGINT[]"


def on_sqlite(tx: Transaction) -> bool:
    """Whether the transaction is SQLite's."""
    return tx.dialect.name == "sqlite"


def cursor(tx: Transaction, *, binary: bool = False) -> psycopg.Cursor[tuple[Any, ...]]:
    """A cursor of psycopg's inside a transaction on PostgreSQL."""
    connection = cast("psycopg.Connection[tuple[Any, ...]]", tx.connection.driver_connection)
    return connection.cursor(binary=binary)


def fetch(tx: Transaction, query: Executable) -> list[tuple[Any, ...]]:
    """All rows as the driver gives them, at half of what SQLAlchemy's own cost.

    For numbers, texts and bytes: nothing is converted.
    """
    result = cast("CursorResult[Any]", tx.execute(query))
    rows = cast("list[tuple[Any, ...]]", cast("Any", result.cursor).fetchall())
    result.close()
    return rows


def upsert(tx: Transaction, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An insert that can say what to do where the row is there already."""
    return sqlite.insert(table) if on_sqlite(tx) else postgresql.insert(table)


def among(tx: Transaction, column: Column[Any], values: Iterable[Any]) -> ColumnElement[bool]:
    """That a column holds one of some values."""
    listed = list(values)
    if on_sqlite(tx):
        return column.in_(listed)
    if isinstance(column.type, LargeBinary) and {len(value) for value in listed} == {_ID_BYTES}:
        return column == func.any(_cut(b"".join(listed)))
    if isinstance(column.type, Integer):
        return column == any_(literal(f"{{{','.join(map(str, listed))}}}", _Numbers()))
    if isinstance(column.type, String) and (lines := _lines(listed)):
        return column == any_(func.string_to_array(lines, "\n", type_=ARRAY(column.type)))
    return column == any_(literal(listed, ARRAY(column.type)))


def _cut(packed: bytes) -> ColumnElement[Any]:
    """An array of ids, which the server cuts: one parameter, and nothing to escape."""
    place = func.generate_series(1, len(packed), _ID_BYTES).column_valued()
    return func.array(
        select(func.substring(literal(packed, LargeBinary), place, _ID_BYTES)).scalar_subquery()
    )


def _lines(values: Sequence[str]) -> str:
    """Texts as one text of lines; empty where one of them has a line feed, or there is none."""
    lines = "\n".join(values)
    return lines if lines.count("\n") == len(values) - 1 else ""


def parts(tx: Transaction, keys: Sequence[Any], at_once: int = AT_ONCE) -> Iterable[Sequence[Any]]:
    """Keys in as many parts as a query takes: all at once on PostgreSQL."""
    if not on_sqlite(tx):
        return (keys,) if keys else ()
    return (keys[at : at + at_once] for at in range(0, len(keys), at_once))


def insert_rows(
    tx: Transaction, table: Table, columns: tuple[str, ...], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Insert rows of these columns, in order, in one go.

    A single one costs less as a statement; but marks become what PostgreSQL keeps in COPY alone.
    """
    if not rows:
        return
    if on_sqlite(tx) or (len(rows) == 1 and _MARKS not in _types(table, columns)):
        tx.exec_driver_sql(_insert(table, columns, "?" if on_sqlite(tx) else "%s"), list(rows))
        return
    with cursor(tx) as own, own.copy(_copy(table, columns)) as copy:
        copy.set_types(_types(table, columns))
        for row in rows:
            copy.write_row(row)


def insert_new(
    tx: Transaction, table: Table, columns: tuple[str, ...], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Insert rows whose key is not there yet; the caller sorts them by key, so that nobody deadlocks."""
    if not rows:
        return
    if on_sqlite(tx):
        tx.exec_driver_sql(f"{_insert(table, columns, '?')} ON CONFLICT DO NOTHING", list(rows))
        return
    given = zip(_types(table, columns), zip(*rows, strict=True), strict=True)
    arrays = [array(name, column) for name, column in given]
    into = f"INSERT INTO {table.name} ({', '.join(columns)})"
    places = ", ".join(place for place, _ in arrays)
    statement = f"{into} SELECT * FROM unnest({places}) ON CONFLICT DO NOTHING"  # noqa: S608 - our own names
    tx.exec_driver_sql(statement, tuple(values for _, values in arrays))


def array(kind: str, values: Sequence[Any]) -> tuple[str, Any]:
    """An array for PostgreSQL: the place in the statement, and its parameter."""
    if kind == "text" and (lines := _lines(values)):
        return "string_to_array(%s, E'\\n')", lines
    return f"%s::{kind}[]", list(values)


@cache
def _insert(table: Table, columns: tuple[str, ...], place: str) -> str:
    places = ", ".join([place] * len(columns))
    return f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({places})"  # noqa: S608 - our own names


@cache
def _copy(table: Table, columns: tuple[str, ...]) -> bytes:
    return f"COPY {table.name} ({', '.join(columns)}) FROM STDIN (FORMAT BINARY)".encode()


@cache
def _types(table: Table, columns: tuple[str, ...]) -> tuple[str, ...]:
    """PostgreSQL's names of the columns' types; what is none of the others is text."""
    return tuple(
        next((name for kind, name in _TYPES if isinstance(table.c[column].type, kind)), "text")
        for column in columns
    )
