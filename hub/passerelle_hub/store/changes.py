"""The stream of changes of a SQLite database: what each transaction wrote, handed on before it commits.

A *change* is the list of statements of one transaction, with a number and the digest of the change before it;
number and digest of the last one stand in the table `archive`, written by the same transaction. So every copy
of the database knows which change it ends with, and changes written after it can be applied to it, in order
and none missing. All values are parameters of the statements, so that applying them gives the same rows.

Fault table, for `sink` (which makes a change durable) and the commit after it:

| fault | archive | database | what follows |
|---|---|---|---|
| the sink fails | no change | rolled back | the step fails, nothing is acknowledged |
| killed between sink and commit | a change that never was | without it | see below |
| killed after the commit | the change | the change | nothing is missing |

A change that never was has a rival: the next one of the same number and predecessor, which is later and which
others follow. So whatever was acknowledged is in the archive. SQLite lets one transaction write at a time,
whichever process it belongs to; the order of numbers is that of commits. A migration is no change: after one
the chain begins anew, and a new copy is due.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from sqlalchemy import Connection, Engine, event, insert, select, update

from passerelle.errors import PasserelleError
from passerelle_hub.store.backup_tables import archive
from passerelle_hub.store.database import Database, Transaction
from passerelle_hub.store.migrated import current

_NOTED: Final = "passerelle_changes"
_READING: Final = ("SELECT", "PRAGMA", "BEGIN", "COMMIT", "EXPLAIN")
_BYTES: Final = "b64"


class Sink(Protocol):
    """Where changes go."""

    def __call__(self, change: bytes, /) -> None:
        """Make a change durable, or raise."""
        ...

    def close(self) -> None:
        """No change follows: the database was closed."""
        ...


@dataclass(slots=True)
class _Noted:
    """What a running transaction wrote so far."""

    statements: list[tuple[str, bool, Any]] = field(default_factory=list[tuple[str, bool, Any]])
    erased: list[int] = field(default_factory=list[int])


@dataclass(frozen=True, slots=True)
class Position:
    """Which change a database ends with. `erasures` counts all erasures of its life."""

    number: int
    digest: bytes
    erasures: int


@dataclass(frozen=True, slots=True)
class Change:
    """One change: its place, when it was written (microseconds), and what it erased (record keys)."""

    position: Position
    previous: bytes
    written: int
    erased: tuple[int, ...]
    statements: tuple[tuple[str, bool, Any], ...] = field(repr=False)


def follow(database: Database, sink: Sink, now: Callable[[], int]) -> None:
    """Hand every change from now on to the sink, which returns once it is durable."""
    engine: Engine = database.engine
    with database.write() as tx:
        revision = current(tx) or ""
        known = tx.scalar(select(archive.c.revision))
        if known is None:
            values = {"id": 1, "number": 0, "digest": bytes(32), "erasures": 0, "revision": ""}
            tx.execute(insert(archive).values(values))
        if known != revision:
            begin_anew(tx, f"{revision}/{now()}".encode())
            tx.execute(update(archive).values(revision=revision))

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        connection.info[_NOTED] = _Noted()

    @event.listens_for(engine, "rollback")
    def rolled_back(connection: Connection) -> None:
        connection.info.pop(_NOTED, None)

    @event.listens_for(engine, "after_cursor_execute")
    def executed(
        connection: Connection, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool
    ) -> None:
        noted = connection.info.get(_NOTED)
        if noted is not None and not statement.lstrip().upper().startswith(_READING):
            rows = many and all(isinstance(row, tuple | list) for row in parameters)  # else one long VALUES
            noted.statements.append((statement, rows, parameters))

    @event.listens_for(engine, "commit")
    def committing(connection: Connection) -> None:
        noted = connection.info.pop(_NOTED, None)
        if noted is not None and noted.statements:
            _hand_on(connection, noted, sink, now())

    @event.listens_for(engine, "engine_disposed")
    def disposed(_engine: Engine) -> None:
        sink.close()


def erased(tx: Transaction, record_pk: int) -> None:
    """Note in the change that a record is erased, so that no older copy brings it back."""
    noted = tx.info.get(_NOTED)
    if noted is not None:
        noted.erased.append(record_pk)


def _hand_on(connection: Connection, noted: _Noted, sink: Sink, now: int) -> None:
    raw: Any = connection.connection.driver_connection
    with closing(raw.cursor()) as cursor:
        before = _read(cursor)
        after = Position(before.number + 1, b"", before.erasures + len(noted.erased))
        document = {
            "number": after.number,
            "previous": before.digest.hex(),
            "written": now,
            "erasures": after.erasures,
            "erased": noted.erased,
            "statements": noted.statements,
        }
        piece = json.dumps(document, separators=(",", ":"), default=_value).encode()
        sink(piece)
        _write(cursor, Position(after.number, hashlib.sha256(piece).digest(), after.erasures))


def decode(piece: bytes) -> Change:
    """A change that was handed to a sink.

    Raises:
        PasserelleError: `backup_malformed`.
    """
    try:
        found: dict[str, Any] = json.loads(piece, object_hook=_back)
        return Change(
            Position(found["number"], hashlib.sha256(piece).digest(), found["erasures"]),
            bytes.fromhex(found["previous"]),
            found["written"],
            tuple(int(key) for key in found["erased"]),
            tuple((str(text), bool(many), values) for text, many, values in found["statements"]),
        )
    except (KeyError, ValueError, TypeError) as error:
        raise PasserelleError("backup_malformed", f"a change: {type(error).__name__}") from error


def position(file: Path) -> Position:
    """Which change a database file ends with.

    Raises:
        PasserelleError: `backup_malformed`.
    """
    try:
        with closing(sqlite3.connect(file)) as raw, closing(raw.cursor()) as cursor:
            return _read(cursor)
    except sqlite3.Error as error:
        raise PasserelleError("backup_malformed", f"database: {type(error).__name__}") from error


def apply(file: Path, changes: Iterable[Change]) -> int:
    """Apply changes to a database file that nobody else has open; returns how many.

    The file may be damaged when this raises; it is the caller's draft.

    Raises:
        PasserelleError: `backup_malformed`, a change does not go with the database.
    """
    count = 0
    try:
        with closing(sqlite3.connect(file, isolation_level=None)) as raw, closing(raw.cursor()) as cursor:
            for pragma in ("synchronous=OFF", "foreign_keys=ON", "secure_delete=ON"):
                cursor.execute(f"PRAGMA {pragma}")
            for change in changes:
                cursor.execute("BEGIN IMMEDIATE")
                for text, many, values in change.statements:
                    _run(cursor, text, many, values)
                _write(cursor, change.position)
                cursor.execute("COMMIT")
                count += 1
            if cursor.execute("PRAGMA integrity_check").fetchall() != [("ok",)]:
                raise PasserelleError("backup_malformed", "the database does not hold together")
    except sqlite3.Error as error:
        raise PasserelleError("backup_malformed", f"change {count + 1}: {type(error).__name__}") from error
    return count


def begin_anew(tx: Transaction, mark: bytes) -> None:
    """Make sure that changes from now on continue no copy made before."""
    tx.execute(update(archive).values(digest=hashlib.sha256(b"passerelle/anew/1" + mark).digest()))


def copy(source: Path, target: Path) -> Position:
    """Copy a database that may be in use, as of one instant, into a new file of its owner's.

    Raises:
        PasserelleError: `backup_malformed`, the source is no database.
    """
    target.touch(0o600)
    try:
        with (
            closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as old,
            closing(sqlite3.connect(target)) as new,
        ):
            old.backup(new)
            new.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.Error as error:
        raise PasserelleError("backup_malformed", f"copy: {type(error).__name__}") from error
    return position(target)


def _run(cursor: sqlite3.Cursor, text: str, many: bool, values: Any) -> None:
    if many:
        cursor.executemany(text, [tuple(row) for row in values])
    else:
        cursor.execute(text, tuple(values))
        cursor.fetchall()  # a statement that returns rows has done its work only once they are taken


def _read(cursor: sqlite3.Cursor) -> Position:
    found = cursor.execute("SELECT number, digest, erasures FROM archive").fetchone()
    number, digest, erasures = found or (0, bytes(32), 0)
    return Position(number, bytes(digest), erasures)


def _write(cursor: sqlite3.Cursor, at: Position) -> None:
    values = (at.number, at.digest, at.erasures)
    cursor.execute("UPDATE archive SET number = ?, digest = ?, erasures = ?", values)


def _value(item: Any) -> dict[str, str]:
    """Bytes of any kind as JSON; anything else is a `TypeError`."""
    return {_BYTES: b64encode(item).decode()}


def _back(found: dict[str, Any]) -> Any:
    return b64decode(found[_BYTES]) if found.keys() == {_BYTES} else found
