"""The connector's database: one SQLite file with the promises of `passerelle.store.sqlite`."""

from __future__ import annotations

from pathlib import Path

from passerelle.store import DatabaseFile, Schema, Transaction
from passerelle_connector.store import tables

__all__ = ["Database", "Transaction"]


class Database(DatabaseFile):
    """Opens transactions.

    Raises:
        PasserelleError: `store_version`.
    """

    def __init__(self, file: Path) -> None:
        super().__init__(file, Schema(tables.metadata, tables.SCHEMA_VERSION, "store_version"))
