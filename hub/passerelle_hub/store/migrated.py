"""How far a hub's database is behind the newest migration; looks and changes nothing."""

from __future__ import annotations

from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from passerelle_hub.store.database import MIGRATIONS, Database, Transaction


def current(tx: Transaction) -> str | None:
    """The revision that a database is at."""
    return MigrationContext.configure(tx).get_current_revision()


def behind(database: Database) -> int:
    """Migrations that the next start will run.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database cannot be read.
    """
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    scripts = ScriptDirectory.from_config(config)
    with database.read() as tx:
        reached = current(tx)
    return sum(1 for _ in scripts.iterate_revisions("head", reached or "base"))
