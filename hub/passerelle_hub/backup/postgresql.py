"""Copies of a PostgreSQL cluster, and its write-ahead log, sealed like everything else in the backup folder.

(1) `pg_basebackup` copies the running cluster; its archive goes through the seal into the folder, piece by
    piece, and nowhere else;
(2) the log is written by `pg_receivewal --synchronous` into a spool on another machine's encrypted disk, as a
    standby that commits wait for (`synchronous_standby_names`): what was acknowledged is there. With each
    copy, segments that are whole are sealed into the folder and leave the spool;
(3) a restore unpacks the newest copy into a new folder, lays all segments beside it, those of the spool with
    them, and leaves the rest to the server: it reads the log to its end when it starts.

A restored cluster is a hub's only once `passerelle hub recovery-begin` held its log against a checkpoint and
noted whom to wait for.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from passerelle.clock import Clock
from passerelle.errors import PasserelleError
from passerelle.log import get_logger
from passerelle.sealed_file import FileHead, open_file
from passerelle_hub.backup.archive import COPY, PIECE_BYTES, WAL, Seals, files, write_sealed
from passerelle_hub.backup.copying import pepper_check
from passerelle_hub.backup.restore import Source

CLUSTER: Final = "postgresql"
_LOG: Final = get_logger("backup")
_SEGMENT: Final = re.compile(r"[0-9A-F]{24}|[0-9A-F]{8}\.history", re.ASCII)
_LAID: Final = "passerelle_wal"
_PARTIAL: Final = ".partial"


def copy(address: str, folder: Path, seals: Seals, pepper: bytes, clock: Clock, spool: Path | None) -> Path:
    """Steps 1 and 2; `address` is libpq's, without a password (see `~/.pgpass`).

    Raises:
        PasserelleError: `backup_missing`: no such folder; `backup_tool_failed`, `backup_unwritable`.
    """
    if not folder.is_dir():
        raise PasserelleError("backup_missing", "no such folder")
    facts = {"cluster": CLUSTER, "pepper": pepper_check(pepper)}
    head = FileHead(COPY, seals.sender, clock.now(), facts)
    made = write_sealed(folder, _base(address), head, seals)
    for segment in _whole(spool) if spool else ():
        with segment.open("rb") as plain:
            head = FileHead(WAL, seals.sender, clock.now(), {"segment": segment.name})
            write_sealed(folder, iter(lambda: plain.read(PIECE_BYTES), b""), head, seals)
        segment.unlink()
    return made


def restore(source: Source, target: Path, pepper: bytes, spool: Path | None) -> int:
    """Step 3; returns how many segments of the log were laid beside the copy.

    Raises:
        PasserelleError: `restore_target_exists`, `backup_missing`, `backup_malformed`, `backup_key_wrong`,
            `backup_pepper_wrong`, `backup_truncated`, `backup_altered`; nothing is left behind.
    """
    if target.exists():
        raise PasserelleError("restore_target_exists", target.name)
    copies = tuple(files(source.folder, COPY))
    if not copies:
        raise PasserelleError("backup_missing", "no copy")
    target.mkdir(mode=0o700)
    try:
        _unpack(source, copies[-1], target, pepper)
        laid = target / _LAID
        laid.mkdir(mode=0o700)
        for path in files(source.folder, WAL):
            _lay(source, path, laid)
        for left in spool.iterdir() if spool else ():
            name = left.name.removesuffix(_PARTIAL)
            if _SEGMENT.fullmatch(name):
                shutil.copyfile(left, laid / name)
        with (target / "postgresql.auto.conf").open("a", encoding="utf-8") as settings:
            settings.write(f"\nrestore_command = 'cp {_LAID}/%f %p'\nsynchronous_standby_names = ''\n")
        (target / "recovery.signal").touch(0o600)
        return sum(1 for _ in laid.iterdir())
    except BaseException:
        shutil.rmtree(target, ignore_errors=True)
        raise


def _base(address: str) -> Iterator[bytes]:
    """(1) The tar archive of the cluster, and of the log that makes it whole."""
    options = ["--pgdata=-", "--format=tar", "--wal-method=fetch", "--checkpoint=fast", "--no-password"]
    command = ["pg_basebackup", f"--dbname={address}", *options]
    try:
        process = subprocess.Popen(  # noqa: S603 - a fixed program; the address is the operator's
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
    except OSError as error:
        raise PasserelleError("backup_tool_failed", f"pg_basebackup: {type(error).__name__}") from error
    with process:
        assert process.stdout is not None and process.stderr is not None  # noqa: S101 - both are pipes
        while piece := process.stdout.read(PIECE_BYTES):
            yield piece
        said = process.stderr.read().decode("utf-8", "replace")
    if process.returncode:
        _LOG.error("backup.tool", detail=said[-400:])
        raise PasserelleError("backup_tool_failed", f"pg_basebackup: exit {process.returncode}")


def _whole(spool: Path) -> Iterator[Path]:
    yield from sorted(path for path in spool.iterdir() if _SEGMENT.fullmatch(path.name))


def _unpack(source: Source, path: Path, target: Path, pepper: bytes) -> None:
    with path.open("rb") as file:
        sealed = open_file(file, source.writer, source.operator)
        facts = sealed.head.facts
        if (sealed.head.kind, sealed.head.sender, facts.get("cluster")) != (COPY, source.hub, CLUSTER):
            raise PasserelleError("backup_malformed", f"{path.name}: no copy of a cluster of this hub")
        if facts.get("pepper") != pepper_check(pepper):
            raise PasserelleError("backup_pepper_wrong", "another pepper")
        stream = _Stream(sealed.pieces())
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            archive.extractall(target, filter="data")
        while stream.read(PIECE_BYTES):  # to the last piece, which says that the file is whole
            pass


def _lay(source: Source, path: Path, laid: Path) -> None:
    with path.open("rb") as file:
        sealed = open_file(file, source.writer, source.operator)
        name = str(sealed.head.facts.get("segment"))
        if (sealed.head.kind, sealed.head.sender) != (WAL, source.hub) or not _SEGMENT.fullmatch(name):
            raise PasserelleError("backup_malformed", f"{path.name}: no segment of this hub")
        handle = os.open(laid / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb") as plain:
            for piece in sealed.pieces():
                plain.write(piece)


class _Stream(io.RawIOBase):
    """Pieces as a file that is read once."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes; empty at the end."""
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._rest = piece
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken
