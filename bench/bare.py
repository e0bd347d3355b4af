"""The bare pipeline that the hub is held against: what no hub could leave out, and nothing else.

For each batch: parse and assemble the frames, verify both signatures of the statement and the root over the
headers, then store tokens and blobs durably and look up equal tokens of other agencies. No policy, no audit,
no chain, no quota, no links, no notifications. On SQLite in one transaction. On PostgreSQL the look-up comes
after the commit, as it must where several write; rows go by binary COPY into a table with a hash index on
marks of type `uuid`.
"""

from __future__ import annotations

import itertools
import struct
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol

import psycopg

from passerelle.batch import batch_root
from passerelle.codec.frames import Assembler
from passerelle.codec.statement import decode_statement
from passerelle.record import STATEMENT_TYPE, TOKEN_BYTES, Batch
from passerelle.sign import VerifyingKey, verify
from passerelle.store import Database, sqlite_engine
from passerelle.wire.v1 import exchange_pb2

Blob = tuple[int, int, bytes]  # record key, agency, body
Token = tuple[bytes, int, int]  # mark, record key, kind

_CHUNK = 500
_HEAD: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TAIL: Final = b"\xff\xff"
_TOKEN: Final = struct.Struct(">hi16siqih")
_BLOB: Final = struct.Struct(">hiqiii")


def assembled(frames: Sequence[bytes]) -> Batch:
    """The batch that the encoded frames of one stream hold."""
    assembler, batch = Assembler(), None
    for raw in frames:
        batch = assembler.feed(exchange_pb2.SubmitRequest.FromString(raw))
    assert batch is not None
    return batch


class Tables(Protocol):
    """Where the pipeline keeps blobs and tokens."""

    def store(self, blobs: Sequence[Blob], tokens: Sequence[Token], agency: int) -> int:
        """Store both durably; returns how many tokens of other agencies equal one of these."""
        ...

    def close(self) -> None:
        """Give everything back."""
        ...


class BarePipeline:
    """Takes batches of agencies, each under its key. Safe for several threads if its tables are."""

    def __init__(self, tables: Tables, keys: Sequence[VerifyingKey]) -> None:
        self._tables = tables
        self._keys = keys
        self._numbers = itertools.count(1)

    def receive(self, batch: Batch, agency: int) -> int:
        """Take one batch; returns how many tokens of other agencies equal one of it."""
        statement = decode_statement(verify(batch.signed, self._keys[agency], STATEMENT_TYPE))
        assert batch_root([record.header for record in batch.records]) == statement.root
        keys = [next(self._numbers) for _ in batch.records]
        blobs = [
            (key, agency, record.header + b"".join([part.ciphertext for part in record.sections]))
            for key, record in zip(keys, batch.records, strict=True)
        ]
        tokens = sorted(
            [
                (record.tokens[at * TOKEN_BYTES : (at + 1) * TOKEN_BYTES], key, kind)
                for key, record in zip(keys, batch.records, strict=True)
                for at, kind in enumerate(record.kinds)
            ]
        )
        return self._tables.store(blobs, tokens, agency)

    def close(self) -> None:
        """Give the database back."""
        self._tables.close()


class SqliteTables:
    """Tables in an SQLite file of the kind that the hub has."""

    _TABLES = (
        "CREATE TABLE blob (record_pk INTEGER PRIMARY KEY, agency INTEGER, body BLOB NOT NULL)",
        "CREATE TABLE token (mark BLOB NOT NULL, record_pk INTEGER NOT NULL, kind INTEGER NOT NULL,"
        " PRIMARY KEY (mark, record_pk)) WITHOUT ROWID",
    )
    _LOOK_UP = (
        "SELECT token.mark, token.record_pk FROM token JOIN blob USING (record_pk)"
        " WHERE blob.agency <> ? AND mark IN"
    )

    def __init__(self, file: Path) -> None:
        self._database = Database(sqlite_engine(f"sqlite:///{file}"))
        with self._database.write() as tx:
            for statement in self._TABLES:
                tx.exec_driver_sql(statement)

    def store(self, blobs: Sequence[Blob], tokens: Sequence[Token], agency: int) -> int:
        """See `Tables`."""
        found = 0
        with self._database.write() as tx:
            tx.exec_driver_sql("INSERT INTO blob VALUES (?, ?, ?)", list(blobs))
            tx.exec_driver_sql("INSERT INTO token VALUES (?, ?, ?)", list(tokens))
            for at in range(0, len(tokens), _CHUNK):
                marks = [row[0] for row in tokens[at : at + _CHUNK]]
                query = f"{self._LOOK_UP} ({','.join('?' * len(marks))})"
                found += len(tx.exec_driver_sql(query, (agency, *marks)).all())
        return found

    def close(self) -> None:
        """See `Tables`."""
        self._database.close()


class PostgresTables:
    """Tables in a PostgreSQL database; each thread has a connection of its own."""

    _TABLES = (
        "CREATE TABLE blob (record_pk bigint PRIMARY KEY, agency integer NOT NULL, body bytea NOT NULL)",
        "CREATE TABLE token (mark uuid NOT NULL, record_pk bigint NOT NULL, kind smallint NOT NULL)",
        "CREATE INDEX ON token USING hash (mark)",
    )
    _LOOK_UP = (
        "SELECT uuid_send(token.mark), token.record_pk"
        " FROM unnest(%s::uuid[]) AS wanted (mark) JOIN token ON token.mark = wanted.mark"
        " JOIN blob ON blob.record_pk = token.record_pk WHERE blob.agency <> %s"
    )
    _OPTIONS = "-c jit=off -c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off"

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._own = threading.local()
        self._all: list[psycopg.Connection[tuple[bytes, int]]] = []
        with psycopg.connect(dsn) as connection:
            for statement in self._TABLES:
                connection.execute(statement)

    def _connection(self) -> psycopg.Connection[tuple[bytes, int]]:
        known: psycopg.Connection[tuple[bytes, int]] | None = getattr(self._own, "connection", None)
        if known is None:
            known = self._own.connection = psycopg.connect(self._dsn, options=self._OPTIONS)
            self._all.append(known)
        return known

    def store(self, blobs: Sequence[Blob], tokens: Sequence[Token], agency: int) -> int:
        """See `Tables`."""
        connection = self._connection()
        token, blob = _TOKEN.pack, _BLOB.pack
        rows = b"".join([blob(3, 8, key, 4, by, len(body)) + body for key, by, body in blobs])
        marks = b"".join([token(3, 16, mark, 8, key, 2, kind) for mark, key, kind in tokens])
        with connection.transaction(), connection.cursor() as cursor:
            with cursor.copy("COPY blob FROM STDIN (FORMAT BINARY)") as copy:
                copy.write(_HEAD + rows + _TAIL)
            with cursor.copy("COPY token FROM STDIN (FORMAT BINARY)") as copy:
                copy.write(_HEAD + marks + _TAIL)
        wanted = "{" + ",".join([mark.hex() for mark, _, _ in tokens]) + "}"
        with connection.transaction(), connection.cursor(binary=True) as cursor:
            return len(cursor.execute(self._LOOK_UP, (wanted, agency)).fetchall())

    def close(self) -> None:
        """See `Tables`."""
        for connection in self._all:
            connection.close()
