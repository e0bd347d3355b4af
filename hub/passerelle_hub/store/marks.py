"""Store of the token index: mark (HMAC of a token under the pepper) to record.

The hot path of the hub. Rows come sorted by mark, so that neighbours share pages.

SQLite: one table in order of the marks (`WITHOUT ROWID`), tuples past SQLAlchemy's compiler, which costs four
times the insert itself. PostgreSQL: marks as `uuid` under a hash index (growth is flat), rows by binary COPY,
looked up by a join inside the server: of a batch's thousands of marks those alone leave it that somebody else
carries too. Its planner knows nothing of a batch just inserted and guesses; a transaction that looks marks up
is told to walk the index, which is right however large the table is.

Of a mark that very many carry a look-up returns some and no more, on both: what a batch costs in time and
memory does not grow with the index.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Final, NamedTuple, cast

from sqlalchemy import func, select

from passerelle_hub.index import MARK_BYTES, split
from passerelle_hub.store.database import Transaction
from passerelle_hub.store.dialect import cursor, on_sqlite, parts
from passerelle_hub.store.tables import record, token

_COPY: Final = b"COPY token (mark, record_pk, kind) FROM STDIN (FORMAT BINARY)"
_HEAD: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_ROW: Final = struct.Struct(">h i16s iq i2s").pack  # so many fields, each behind its length
_TAIL: Final = b"\xff\xff"
_SHARED: Final = """
SELECT uuid_send(own.mark), own.record_pk, other.record_pk, other.kind
FROM (
    SELECT DISTINCT ON (1) unnest(marks) AS mark, record_pk
    FROM record WHERE batch_pk = ANY (%s) ORDER BY 1
) AS own CROSS JOIN LATERAL (
    SELECT record_pk, kind FROM token WHERE token.mark = own.mark LIMIT %s
) AS other
WHERE other.record_pk <> own.record_pk
"""
_VISIBLE: Final = """
SELECT uuid_send(wanted.mark), one.record_pk
FROM unnest(%s::uuid[]) AS wanted (mark) CROSS JOIN LATERAL (
    SELECT record_pk FROM token JOIN record USING (record_pk)
    WHERE token.mark = wanted.mark AND state = 'active' AND NOT embargoed LIMIT %s
) AS one
"""
_SOME_VISIBLE: Final = (
    "SELECT record_pk FROM token JOIN record USING (record_pk)"
    " WHERE mark = ? AND state = 'active' AND NOT embargoed LIMIT ?"
)
MOST: Final = 40
"""Carriers of a mark that a look-up lists, where its caller says nothing else."""
_LAST_KEY: Final = 2**63 - 1
_Couple = tuple[bytes, int, int, int]  # a mark, one record that carries it, another one, the key kind
_WALK: Final = ", ".join(
    f"set_config('enable_{way}', 'off', true)" for way in ("seqscan", "hashjoin", "mergejoin", "bitmapscan")
)


class Shared(NamedTuple):
    """Who carries one mark: two records or more, by key; all rows of a mark have one key kind."""

    kind: int
    records: list[int]


def put(tx: Transaction, carried: Iterable[tuple[int, Sequence[bytes]]]) -> None:
    """Insert what records carry: by the record's key its entries, each a mark (16 bytes) and a kind (2)."""
    if on_sqlite(tx):
        rows = [
            (entry[:MARK_BYTES], key, int.from_bytes(entry[MARK_BYTES:], "big"))
            for key, entries in carried
            for entry in entries
        ]
        statement = "INSERT INTO token (mark, record_pk, kind) VALUES (?, ?, ?)"
        if rows:
            tx.exec_driver_sql(statement, sorted(rows))
        return
    packed = [
        _ROW(3, 16, entry, 8, key, 2, entry[MARK_BYTES:])  # the mark is what fits of an entry
        for key, entries in carried
        for entry in entries
    ]
    packed.sort()  # by mark, which is the first that differs
    if packed:
        with cursor(tx) as own, own.copy(_COPY) as copy:
            copy.write(b"".join((_HEAD, *packed, _TAIL)))


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


def shared(tx: Transaction, batches: Sequence[int], most: int = MOST) -> dict[bytes, Shared]:
    """Each mark that a record of these batches carries beside any other record, with all that carry it.

    Where more than `most` records do, with a few more than that of them.
    """
    found: dict[bytes, Shared] = {}
    for mark, own, other, kind in (_listed if on_sqlite(tx) else _joined)(tx, batches, most):
        known = found.get(mark)
        if known is None:
            found[mark] = Shared(kind, [own, other])
        else:
            known.records.append(other)
    return found


def visible(tx: Transaction, marks: Sequence[bytes], most: int) -> dict[bytes, list[int]]:
    """For each mark the active records under no embargo that carry it, by key, at most `most` of them."""
    found: dict[bytes, list[int]] = {mark: [] for mark in marks}
    if on_sqlite(tx):
        return {mark: list(tx.exec_driver_sql(_SOME_VISIBLE, (mark, most)).scalars()) for mark in marks}
    for mark, key in tx.exec_driver_sql(_VISIBLE, (_array(marks), most)) if marks else ():
        found[bytes(mark)].append(key)
    return found


def _joined(tx: Transaction, batches: Sequence[int], most: int) -> list[_Couple]:
    """On PostgreSQL in one statement, from the records' own copy of their marks."""
    _walk(tx)
    with cursor(tx, binary=True) as own:
        return cast("list[_Couple]", own.execute(_SHARED, (list(batches), most + 1)).fetchall())


def _listed(tx: Transaction, batches: Sequence[int], most: int) -> Iterator[_Couple]:
    owners: dict[bytes, int] = {}
    rows = tx.execute(select(record.c.record_pk, record.c.marks).where(record.c.batch_pk.in_(batches)))
    for key, packed in rows:
        for mark in split(packed):
            owners[mark] = min(key, owners.get(mark, key))
    for part in parts(tx, sorted(owners)):
        for mark, other, kind in tx.exec_driver_sql(_first(len(part)), (*part, most)):
            if other != owners[mark]:
                yield mark, owners[mark], other, kind


@cache
def _first(count: int) -> str:
    """SQLite's query for the first carriers of so many marks, in order of the index: up to the one after."""
    places = ", ".join(["(?)"] * count)
    after = "(SELECT record_pk FROM token WHERE mark = wanted.mark ORDER BY record_pk LIMIT 1 OFFSET ?)"
    return (
        f"WITH wanted (mark) AS (VALUES {places})"  # noqa: S608 - placeholders only
        " SELECT token.mark, token.record_pk, token.kind FROM wanted CROSS JOIN token"
        f" ON token.mark = wanted.mark AND token.record_pk <= coalesce({after}, {_LAST_KEY})"
    )


def kinds(tx: Transaction, marks: Sequence[bytes]) -> dict[bytes, int]:
    """The kind of each mark (no mark twice) that is in the index; one row is read, however many carry it."""
    found: dict[bytes, int] = {}
    kind = "(SELECT kind FROM token WHERE token.mark = wanted.mark LIMIT 1)"
    if not on_sqlite(tx):
        query = f"SELECT uuid_send(mark), {kind} FROM unnest(%s::uuid[]) AS wanted (mark)"  # noqa: S608 - no value
        rows = tx.exec_driver_sql(query, (_array(marks),)) if marks else ()
        return {bytes(mark): number for mark, number in rows if number is not None}
    for part in parts(tx, marks):
        places = ", ".join(["(?)"] * len(part))
        query = f"WITH wanted (mark) AS (VALUES {places}) SELECT mark, {kind} FROM wanted"  # noqa: S608 - placeholders
        found.update(
            (mark, number) for mark, number in tx.exec_driver_sql(query, tuple(part)) if number is not None
        )
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
