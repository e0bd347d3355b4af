"""Backup as a hub's configuration says: seals, archive, where the database lies; plain constructors."""

from __future__ import annotations

from pathlib import Path

from passerelle.clock import Clock
from passerelle.errors import PasserelleError
from passerelle.keyfile import KeyKind, read_key
from passerelle.seal import SealingPublicKey
from passerelle.sign import SigningKey
from passerelle_hub.backup.archive import Archive, Seals
from passerelle_hub.config import HubSettings
from passerelle_hub.store import Database, changes


def operator_key(file: Path) -> SealingPublicKey:
    """The public half of the operator's key.

    Raises:
        PasserelleError: `backup_not_configured`, `key_malformed`.
    """
    try:
        return SealingPublicKey(bytes.fromhex(file.read_text("ascii")))
    except (OSError, ValueError) as error:
        raise PasserelleError("backup_not_configured", f"{file.name}: {type(error).__name__}") from error


def seals(settings: HubSettings) -> Seals:
    """Who seals to whom.

    Raises:
        PasserelleError: `backup_not_configured`, or what the key files raise.
    """
    key = settings.backup.operator_key
    if key is None:
        raise PasserelleError("backup_not_configured", "operator_key")
    signer = SigningKey(read_key(settings.path(settings.keys.signing), KeyKind.SIGNING))
    return Seals(settings.identity, signer, operator_key(settings.path(key)))


def database_file(settings: HubSettings) -> Path:
    """The SQLite file of the hub.

    Raises:
        PasserelleError: `backup_not_configured`, the database is no file of ours.
    """
    if "://" in settings.database:
        raise PasserelleError("backup_not_configured", "the database is no file; see docs/operate/backup.md")
    return settings.path(settings.database)


def open_database(settings: HubSettings, clock: Clock, *, connections: int = 8) -> Database:
    """The hub's database for all who write to it: migrated, and every change archived before it commits.

    Raises:
        PasserelleError: `backup_not_configured`, `backup_unwritable`: the folder is missing.
    """
    database = Database(settings.database_url, connections=connections)
    database.migrate()
    folder = settings.backup.folder
    if folder is not None and not database.concurrent:
        place = settings.path(folder)
        if not place.is_dir():
            raise PasserelleError("backup_unwritable", f"{place.name}: no such folder")
        changes.follow(database, Archive(place, seals(settings), clock), clock.now)
    return database
