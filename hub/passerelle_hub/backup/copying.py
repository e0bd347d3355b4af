"""A copy of a running hub's database, and the pepper's escrow.

(1) the event, in the log before anything is copied;
(2) the database as of one instant, beside the original: plain content never lies in the backup folder;
(3) sealed into the folder under its name, with the change it ends with and a check value of the pepper;
(4) the plain copy is removed.

The pepper is in no copy. `escrow` seals it to the operator into a file that may not lie in a backup folder:
whoever has a copy, the operator's key and the pepper can try identifiers no better than the hub can, but
nobody should come by all three in one place.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from passerelle.clock import Clock
from passerelle.errors import PasserelleError
from passerelle.keyfile import write_durably
from passerelle.seal import Purpose, SealingKey, SealingPublicKey, SealLabel, open_sealed, seal
from passerelle.sealed_file import FileHead
from passerelle_hub.audit import Audit, EventKind
from passerelle_hub.backup.archive import COPY, Seals, files, write_copy
from passerelle_hub.store import Database, changes

_ESCROW: Final = b"passerelle-pepper-escrow/1"


@dataclass(frozen=True, slots=True)
class Made:
    """A copy that was made: its file, the change it ends with, its size in bytes."""

    file: Path
    number: int
    size: int


def make(
    database: Database, source: Path, folder: Path, seals: Seals, pepper: bytes, audit: Audit, clock: Clock
) -> Made:
    """Copy a SQLite database into a folder; the hub may work on.

    Raises:
        PasserelleError: `backup_missing`: no such folder; `backup_unwritable`, `backup_malformed`.
    """
    if not folder.is_dir():
        raise PasserelleError("backup_missing", "no such folder")
    with database.write() as tx:  # (1)
        audit.append(tx, EventKind.BACKUP_MADE, seals.sender)
    plain = source.with_name(f".{source.name}.{secrets.token_hex(8)}.copy")
    try:
        at = changes.copy(source, plain)  # (2)
        facts = {"number": at.number, "pepper": pepper_check(pepper)}
        made = write_copy(folder, plain, FileHead(COPY, seals.sender, clock.now(), facts), seals)  # (3)
    finally:
        plain.unlink(missing_ok=True)  # (4)
    return Made(made, at.number, made.stat().st_size)


def newest(folder: Path) -> int:
    """When the newest copy in a folder was begun, in microseconds; by its name, since the rest is sealed.

    Raises:
        PasserelleError: `backup_missing`.
    """
    found = [int(file.name.split("-")[1]) for file in files(folder, COPY)]
    if not found:
        raise PasserelleError("backup_missing", "no copy")
    return max(found)


def pepper_check(pepper: bytes) -> str:
    """What tells whether a pepper is the one of a copy; says nothing about it to anybody without it."""
    return hmac.digest(pepper, b"passerelle/pepper-check/1", hashlib.sha256).hex()


def escrow(pepper: bytes, sender: str, operator: SealingPublicKey, target: Path) -> None:
    """Seal the pepper to the operator, into a new file.

    Raises:
        PasserelleError: `escrow_beside_backup`, `key_file_exists`.
    """
    if any(True for kind in (COPY, "changes") for _ in files(target.parent, kind)):
        raise PasserelleError("escrow_beside_backup", target.name)
    sealed = seal(operator, _label(sender).info(operator.key_id), pepper)
    write_durably(target, _ESCROW + sealed, mode=0o600)


def open_escrow(file: Path, sender: str, operator: SealingKey) -> bytes:
    """The pepper in a file of `escrow`.

    Raises:
        PasserelleError: `backup_malformed`, `backup_key_wrong`.
    """
    content = file.read_bytes()
    if not content.startswith(_ESCROW):
        raise PasserelleError("backup_malformed", "no escrow of a pepper")
    try:
        return open_sealed(operator, _label(sender).info(operator.public.key_id), content[len(_ESCROW) :])
    except PasserelleError as error:
        raise PasserelleError("backup_key_wrong", error.code) from error


def _label(sender: str) -> SealLabel:
    return SealLabel(sender, b"pepper", "operator", Purpose.BACKUP)
