"""What a verification has to remember, in a temporary file: memory stays bounded however long the log is.

The file is deleted at the end. It is nobody's store: plain `sqlite3`, no durability, one verification.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from passerelle.audit.event import NOTHING

_TABLES: Final = """
CREATE TABLE vouched (subject TEXT PRIMARY KEY, prefix TEXT, digest BLOB, place TEXT, happened INTEGER,
    first INTEGER, pending INTEGER, seen INTEGER DEFAULT 0) WITHOUT ROWID;
CREATE TABLE stated (batch TEXT PRIMARY KEY, records INTEGER, root BLOB, refused TEXT, left_out BLOB,
    seen INTEGER DEFAULT 0) WITHOUT ROWID;
CREATE TABLE promised (event BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE asked (number INTEGER PRIMARY KEY, place TEXT, happened INTEGER, digest BLOB, decisions TEXT);
CREATE TABLE decision (id TEXT PRIMARY KEY, digest BLOB, decided INTEGER, seen INTEGER DEFAULT 0)
    WITHOUT ROWID;
CREATE TABLE header (record INTEGER, revision INTEGER, digest BLOB, body BLOB, batch TEXT,
    PRIMARY KEY (record, revision)) WITHOUT ROWID;
"""


class Scratch:
    """The temporary tables of one verification."""

    def __init__(self, file: Path) -> None:
        self._db: Final = sqlite3.connect(file, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=OFF")
        self._db.execute("PRAGMA synchronous=OFF")
        self._db.executescript(_TABLES)
        self._db.execute("BEGIN")

    def vouch(self, subject: str, digest: bytes, place: str, happened: int, *, pending: bool) -> None:
        """Take the newest event of a subject in place of older ones; its first time is kept."""
        self._db.execute(
            "INSERT INTO vouched (subject, prefix, digest, place, happened, first, pending)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (subject) DO UPDATE SET digest = excluded.digest, place = excluded.place,"
            " happened = excluded.happened, pending = excluded.pending",
            (subject, subject.split("/", 1)[0], digest, place, happened, happened, int(pending)),
        )

    def vouched(self, subject: str) -> tuple[bytes, str, int, bool] | None:
        """Digest, place, time of the first event, and whether it is only pending; marks it as seen."""
        row = self.one("SELECT digest, place, first, pending FROM vouched WHERE subject = ?", subject)
        if row is None:
            return None
        self._db.execute("UPDATE vouched SET seen = 1 WHERE subject = ?", (subject,))
        return row[0], row[1], row[2], bool(row[3])

    def unseen(self, but: Iterable[str]) -> Iterator[tuple[str, str]]:
        """Subjects (and places) that should be held and of which no row was seen, but for some prefixes."""
        kept = set(but)
        query = "SELECT subject, place, prefix FROM vouched WHERE seen = 0 AND digest != ? ORDER BY subject"
        for subject, place, prefix in self._db.execute(query, (NOTHING,)):
            if prefix not in kept:
                yield subject, place

    def pending(self) -> int:
        """How many subjects rest on an event that the checkpoint does not cover."""
        row = self.one("SELECT count(*) FROM vouched WHERE pending = 1 AND seen = 1")
        return int(row[0]) if row else 0

    def run(self, statement: str, *values: Any) -> None:
        """One statement."""
        self._db.execute(statement, values)

    def one(self, query: str, *values: Any) -> tuple[Any, ...] | None:
        """The first row of a query."""
        found: tuple[Any, ...] | None = self._db.execute(query, values).fetchone()
        return found

    def all(self, query: str, *values: Any) -> Iterator[tuple[Any, ...]]:
        """The rows of a query, as they come."""
        yield from self._db.execute(query, values)

    def close(self) -> None:
        """Give the file back."""
        self._db.close()


@contextmanager
def scratch() -> Generator[Scratch]:
    """A scratch file for one verification."""
    with tempfile.TemporaryDirectory(prefix="passerelle-audit-") as folder:
        made = Scratch(Path(folder) / "scratch.db")
        try:
            yield made
        finally:
            made.close()
