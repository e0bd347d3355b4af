"""Store of the token index: mark (HMAC of a token under the pepper) to record.

The hot path of the hub: rows come sorted by mark and go in as tuples, past SQLAlchemy's compiler, which
costs four times the insert itself on SQLite.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import delete, func, select

from passerelle_hub.store.database import Transaction
from passerelle_hub.store.tables import token

_CHUNK = 500  # marks in one query; SQLite takes 32,766 parameters, the planner likes fewer


class MarkRow(NamedTuple):
    """One row of the index: 16-byte mark, record key, key kind."""

    mark: bytes
    record_pk: int
    kind: int


def put(tx: Transaction, rows: Sequence[MarkRow]) -> None:
    """Insert rows; the caller sorts them by mark."""
    if not rows:
        return
    place = "?, ?, ?" if tx.dialect.name == "sqlite" else "%s, %s, %s"
    tx.exec_driver_sql(
        f"INSERT INTO token (mark, record_pk, kind) VALUES ({place})",  # noqa: S608 - placeholders only
        [tuple(row) for row in rows],
    )


def remove(tx: Transaction, marks: Sequence[bytes], record_pk: int) -> None:
    """Delete a record's rows."""
    for at in range(0, len(marks), _CHUNK):
        tx.execute(
            delete(token).where(token.c.mark.in_(marks[at : at + _CHUNK]), token.c.record_pk == record_pk)
        )


def holders(tx: Transaction, marks: Sequence[bytes]) -> list[MarkRow]:
    """All rows that carry any of the marks, whoever owns them."""
    place = "?" if tx.dialect.name == "sqlite" else "%s"
    found: list[MarkRow] = []
    for at in range(0, len(marks), _CHUNK):
        part = tuple(marks[at : at + _CHUNK])
        places = ", ".join([place] * len(part))
        query = f"SELECT mark, record_pk, kind FROM token WHERE mark IN ({places})"  # noqa: S608 - as above
        found.extend(MarkRow(*row) for row in tx.exec_driver_sql(query, part))
    return found


def count(tx: Transaction) -> int:
    """Rows in the index."""
    return int(tx.execute(select(func.count()).select_from(token)).scalar_one())
