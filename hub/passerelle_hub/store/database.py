"""The hub's database: one engine, explicit transactions, migrations at start.

The promises are those of `passerelle.store.sqlite`; the hub runs all writes on one thread. Another database
than SQLite keeps them by its own means, as its URL configures it.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, make_url

from passerelle import store
from passerelle.store import Transaction, sqlite_engine

__all__ = ["MIGRATIONS", "Database", "Transaction"]

MIGRATIONS = Path(__file__).parent / "migrations"


class Database(store.Database):
    """Opens transactions, and migrates."""

    def __init__(self, url: str) -> None:
        target = make_url(url)
        sqlite = target.get_backend_name() == "sqlite"
        if sqlite and target.database:
            Path(target.database).touch(0o600)  # before SQLite makes it with the umask's mode
        super().__init__(sqlite_engine(url) if sqlite else create_engine(url))

    def migrate(self, revision: str = "head") -> None:
        """Bring the schema to a revision, the newest unless another is named; never back."""
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        with self.write() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
