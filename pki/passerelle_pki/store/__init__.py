"""What an authority and a registry remember: SQLite, one file each, every commit durable before it returns.

`synchronous=FULL` with a write-ahead log: after a crash a committed row is there and an uncommitted one is
not.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.pool import NullPool

from passerelle_pki.store.schema import METADATA

__all__ = ["open_database"]


def open_database(path: Path) -> Engine:
    """The database at `path`, created (mode 0600) where missing; a connection lives for one transaction."""
    path.touch(mode=0o600)
    engine = create_engine(URL.create("sqlite", database=str(path)), poolclass=NullPool)
    event.listen(engine, "connect", _durable)
    METADATA.create_all(engine)
    return engine


def _durable(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA busy_timeout=5000")
