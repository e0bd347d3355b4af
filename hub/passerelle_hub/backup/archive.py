"""The backup folder: copies and files of changes, sealed to the operator and signed by the hub.

    copy-<time>-<id>.sealed       a whole database, as of one change
    changes-<time>-<id>.sealed    changes after it, one piece each, in the order of commits (SQLite)
    wal-<time>-<id>.sealed        a segment of the write-ahead log (PostgreSQL)

A file appears under its name whole and on disk, a file of changes with its header; pieces are added and
synchronised one by one. Every process writes files of changes of its own, so that nobody has to share one; a
file is closed when it is `FULL_BYTES` long. Nothing here reads what it wrote, or could: the operator's key is
elsewhere.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from passerelle.clock import Clock
from passerelle.errors import PasserelleError
from passerelle.privatefile import sync_folder
from passerelle.seal import SealingPublicKey
from passerelle.sealed_file import FileHead, SealedWriter
from passerelle.sign import SigningKey

COPY: Final = "copy"
CHANGES: Final = "changes"
WAL: Final = "wal"
PIECE_BYTES: Final = 1024 * 1024
FULL_BYTES: Final = 64 * 1024 * 1024
_SUFFIX: Final = ".sealed"
_DRAFT: Final = ".tmp"


@dataclass(frozen=True, slots=True)
class Seals:
    """Who seals and to whom: the hub's name and signing key, the operator's key."""

    sender: str
    signer: SigningKey
    operator: SealingPublicKey


class Archive:
    """Takes changes. One per process; a sink for `passerelle_hub.store.changes.follow`."""

    def __init__(self, folder: Path, seals: Seals, clock: Clock) -> None:
        self._folder = folder
        self._seals = seals
        self._clock = clock
        self._file: BinaryIO | None = None
        self._writer: SealedWriter | None = None

    def __call__(self, change: bytes, /) -> None:
        """Make a change durable.

        Raises:
            PasserelleError: `backup_unwritable`; the change is not written, the next begins a new file.
        """
        try:
            if self._writer is None or self._file is None:
                self._begin()
            self._add(change)
        except OSError as error:
            self._abandon()
            raise PasserelleError("backup_unwritable", type(error).__name__) from error

    def close(self) -> None:
        """Say that the current file is whole."""
        if self._writer is not None and self._file is not None:
            self._writer.write(b"", last=True)
            _synchronise(self._file)
            self._abandon()

    def _begin(self) -> None:
        head = FileHead(CHANGES, self._seals.sender, self._clock.now(), {})
        path = self._folder / _name(head)
        draft = path.with_suffix(_DRAFT)
        try:
            self._file = _new(draft)
            self._writer = SealedWriter(self._file, head, self._seals.signer, self._seals.operator)
            _synchronise(self._file)
            draft.rename(path)  # not before: without its header a file would stop every restore
            sync_folder(self._folder)
        finally:
            draft.unlink(missing_ok=True)

    def _add(self, change: bytes) -> None:
        assert self._writer is not None and self._file is not None  # noqa: S101 - `_begin` made both
        self._writer.write(change)
        self._file.flush()
        os.fdatasync(self._file.fileno())
        if self._file.tell() > FULL_BYTES:
            self.close()

    def _abandon(self) -> None:
        file, self._file, self._writer = self._file, None, None
        if file is not None:
            with suppress(OSError):  # what could not be written is not written now either
                file.close()


def write_copy(folder: Path, database: Path, head: FileHead, seals: Seals) -> Path:
    """Seal a database file into the folder.

    Raises:
        PasserelleError: `backup_unwritable`; nothing is left behind.
    """
    with database.open("rb") as plain:
        return write_sealed(folder, iter(lambda: plain.read(PIECE_BYTES), b""), head, seals)


def write_sealed(folder: Path, pieces: Iterable[bytes], head: FileHead, seals: Seals) -> Path:
    """Seal pieces into a file of the folder that appears once it is whole.

    Raises:
        PasserelleError: `backup_unwritable`, or what the pieces raise; nothing is left behind.
    """
    target = folder / _name(head)
    draft = target.with_suffix(_DRAFT)
    try:
        with _new(draft) as file:
            writer = SealedWriter(file, head, seals.signer, seals.operator)
            for piece in pieces:
                writer.write(piece)
            writer.write(b"", last=True)
            _synchronise(file)
        draft.rename(target)
        sync_folder(folder)
    except OSError as error:
        raise PasserelleError("backup_unwritable", type(error).__name__) from error
    finally:
        draft.unlink(missing_ok=True)
    return target


def files(folder: Path, kind: str) -> Iterator[Path]:
    """The files of one kind, oldest first by name."""
    yield from sorted(folder.glob(f"{kind}-*{_SUFFIX}"))


def _name(head: FileHead) -> str:
    return f"{head.kind}-{head.created:020}-{head.file_id.hex()[:8]}{_SUFFIX}"


def _new(path: Path) -> BinaryIO:
    """A new file for its owner alone."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb")


def _synchronise(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
