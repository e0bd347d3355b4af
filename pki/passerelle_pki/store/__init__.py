"""What an authority and a registry remember: one SQLite file each, with the promises of `passerelle.store`.

After a crash a committed row is there and an uncommitted one is not.
"""

from __future__ import annotations

from pathlib import Path

from passerelle.store import DatabaseFile, Schema
from passerelle_pki.store.schema import METADATA, SCHEMA_VERSION

__all__ = ["open_database"]


def open_database(path: Path) -> DatabaseFile:
    """The database at `path`, created (mode 0600) where missing; a connection lives for one transaction.

    Raises:
        PasserelleError: `authority_version`.
    """
    return DatabaseFile(path, Schema(METADATA, SCHEMA_VERSION, "authority_version"), pooled=False)
