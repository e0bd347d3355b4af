"""The bare pipeline that the hub is held against: what no hub could leave out, and nothing else.

For each batch: parse and assemble the frames, verify both signatures of the statement and the root over the
headers, then in one durable transaction on the same kind of SQLite file insert tokens and blobs and look up
equal tokens of other agencies. No policy, no audit, no chain, no quota, no links, no notifications.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

from passerelle.batch import batch_root
from passerelle.codec.frames import Assembler
from passerelle.codec.statement import decode_statement
from passerelle.record import STATEMENT_TYPE, TOKEN_BYTES, Batch
from passerelle.sign import VerifyingKey, verify
from passerelle.store import Database, Transaction, sqlite_engine
from passerelle.wire.v1 import exchange_pb2

_TABLES = (
    "CREATE TABLE blob (record_pk INTEGER PRIMARY KEY, agency INTEGER, body BLOB NOT NULL)",
    "CREATE TABLE token (mark BLOB NOT NULL, record_pk INTEGER NOT NULL, kind INTEGER NOT NULL,"
    " PRIMARY KEY (mark, record_pk)) WITHOUT ROWID",
)
_LOOK_UP = (
    "SELECT token.mark, token.record_pk FROM token JOIN blob USING (record_pk)"
    " WHERE blob.agency <> ? AND mark IN"
)
_CHUNK = 500


def assembled(frames: Sequence[bytes]) -> Batch:
    """The batch that the encoded frames of one stream hold."""
    assembler, batch = Assembler(), None
    for raw in frames:
        batch = assembler.feed(exchange_pb2.SubmitRequest.FromString(raw))
    assert batch is not None
    return batch


class BarePipeline:
    """Takes batches of agencies, each under its key."""

    def __init__(self, file: Path, keys: Sequence[VerifyingKey]) -> None:
        self._database = Database(sqlite_engine(f"sqlite:///{file}"))
        self._keys = keys
        self._numbers = itertools.count(1)
        with self._database.write() as tx:
            for statement in _TABLES:
                tx.exec_driver_sql(statement)

    def receive(self, frames: Sequence[bytes], agency: int) -> int:
        """Take one batch; returns how many tokens of other agencies equal one of it."""
        batch = assembled(frames)
        statement = decode_statement(verify(batch.signed, self._keys[agency], STATEMENT_TYPE))
        assert batch_root([record.header for record in batch.records]) == statement.root
        with self._database.write() as tx:
            return _store(tx, batch, agency, [next(self._numbers) for _ in batch.records])

    def close(self) -> None:
        """Give the database back."""
        self._database.close()


def _store(tx: Transaction, batch: Batch, agency: int, keys: Sequence[int]) -> int:
    blobs = [
        (key, agency, record.header + b"".join(part.ciphertext for part in record.sections))
        for key, record in zip(keys, batch.records, strict=True)
    ]
    rows = sorted(
        (record.tokens[at * TOKEN_BYTES : (at + 1) * TOKEN_BYTES], key, kind)
        for key, record in zip(keys, batch.records, strict=True)
        for at, kind in enumerate(record.kinds)
    )
    tx.exec_driver_sql("INSERT INTO blob VALUES (?, ?, ?)", blobs)
    tx.exec_driver_sql("INSERT INTO token VALUES (?, ?, ?)", rows)
    found = 0
    for at in range(0, len(rows), _CHUNK):
        marks = [row[0] for row in rows[at : at + _CHUNK]]
        query = f"{_LOOK_UP} ({','.join('?' * len(marks))})"
        found += len(tx.exec_driver_sql(query, (agency, *marks)).all())
    return found
