"""Store of the token index: mark (HMAC of a token under the pepper) to record.

The hot path of the hub. Rows come sorted by mark, so that neighbours share pages.

SQLite: one table in order of the marks (`WITHOUT ROWID`), tuples past SQLAlchemy's compiler, which costs four
times the insert itself. PostgreSQL: marks as `uuid`, a hash index on each of some partitions by the hash of
the mark (growth is flat, and a partition can move to another machine), rows by binary COPY, looked up by
joining one array. Its planner knows nothing of a batch just inserted and guesses; a transaction that looks
marks up is told to walk the index, which is right however large the table is.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final, NamedTuple

from sqlalchemy import func, select

from passerelle_hub.store.database import Transaction
from passerelle_hub.store.dialect import AT_ONCE, cursor, on_sqlite
from passerelle_hub.store.tables import token

_COPY: Final = b"COPY token (mark, record_pk, kind) FROM STDIN (FORMAT BINARY)"
_HEAD: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_ROW: Final = struct.Struct(">hi16siqih")  # three fields, each behind its length
_TAIL: Final = b"\xff\xff"
_WALK: Final = ", ".join(
    f"set_config('enable_{way}', 'off', true)" for way in ("seqscan", "hashjoin", "mergejoin", "bitmapscan")
)


class MarkRow(NamedTuple):
    """One row of the index: 16-byte mark, record key, key kind."""

    mark: bytes
    record_pk: int
    kind: int


def put(tx: Transaction, rows: Sequence[MarkRow]) -> None:
    """Insert rows; the caller sorts them by mark."""
    if not rows:
        return
    if on_sqlite(tx):
        statement = "INSERT INTO token (mark, record_pk, kind) VALUES (?, ?, ?)"
        tx.exec_driver_sql(statement, [tuple(row) for row in rows])
        return
    pack = _ROW.pack
    body = b"".join([pack(3, 16, mark, 8, key, 2, kind) for mark, key, kind in rows])
    with cursor(tx) as own, own.copy(_COPY) as copy:
        copy.write(_HEAD + body + _TAIL)


def remove(tx: Transaction, rows: Sequence[tuple[bytes, int]]) -> None:
    """Delete rows by mark and record key."""
    if not rows:
        return
    if on_sqlite(tx):
        tx.exec_driver_sql("DELETE FROM token WHERE mark = ? AND record_pk = ?", [tuple(row) for row in rows])
        return
    _walk(tx)
    tx.exec_driver_sql(
        "DELETE FROM token USING unnest(%s::uuid[], %s::int8[]) AS gone (mark, record_pk)"
        " WHERE token.mark = gone.mark AND token.record_pk = gone.record_pk",
        (_array([mark for mark, _ in rows]), [key for _, key in rows]),
    )


def holders(tx: Transaction, marks: Sequence[bytes], besides: tuple[int, int] | None = None) -> list[MarkRow]:
    """All rows that carry any of the marks (no mark twice), whoever owns them.

    `besides` leaves out the rows of records whose keys lie between two, both included.
    """
    if not marks:
        return []
    low, high = besides or (0, -1)
    if on_sqlite(tx):
        return _listed(tx, marks, low, high)
    _walk(tx)
    with cursor(tx, binary=True) as own:
        own.execute(
            "SELECT uuid_send(token.mark), token.record_pk, token.kind"
            " FROM unnest(%s::uuid[]) AS wanted (mark) JOIN token ON token.mark = wanted.mark"
            " WHERE NOT token.record_pk BETWEEN %s AND %s",
            (_array(marks), low, high),
        )
        return [MarkRow(*row) for row in own]


def _listed(tx: Transaction, marks: Sequence[bytes], low: int, high: int) -> list[MarkRow]:
    found: list[MarkRow] = []
    for at in range(0, len(marks), AT_ONCE):
        part = tuple(marks[at : at + AT_ONCE])
        places = ", ".join("?" * len(part))
        query = (
            f"SELECT mark, record_pk, kind FROM token WHERE mark IN ({places})"  # noqa: S608 - placeholders only
            " AND NOT record_pk BETWEEN ? AND ?"
        )
        found.extend(MarkRow(*row) for row in tx.exec_driver_sql(query, (*part, low, high)))
    return found


def count(tx: Transaction) -> int:
    """Rows in the index."""
    return int(tx.execute(select(func.count()).select_from(token)).scalar_one())


def _array(marks: Sequence[bytes]) -> str:
    """Marks as PostgreSQL writes an array of `uuid`."""
    return "{" + ",".join([mark.hex() for mark in marks]) + "}"


def _walk(tx: Transaction) -> None:
    """Until the transaction ends: indexes row by row. The rest of it asks by key anyway."""
    tx.exec_driver_sql(f"SELECT {_WALK}")
