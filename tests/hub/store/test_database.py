"""Transactions and migrations, on a file as in production."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect

from passerelle_hub.store import Database, batches, dead_letters, quotas, records
from passerelle_hub.store.database import MIGRATIONS
from passerelle_hub.store.tables import metadata


@pytest.fixture
def database(tmp_path: Path) -> Database:
    made = Database(f"sqlite:///{tmp_path / 'hub.db'}")
    made.migrate()
    return made


def test_migrations_build_exactly_the_tables(database: Database) -> None:
    with database.write() as tx:
        difference = compare_metadata(MigrationContext.configure(tx), metadata)
    database.close()
    assert difference == []


def test_migrating_twice_changes_nothing(database: Database) -> None:
    with database.write() as tx:
        quotas.use(tx, "police", "records", 1, 7)
    database.migrate()
    with database.read() as tx:
        assert quotas.used(tx, "police", "records", 1) == 7
    database.close()


def test_data_of_the_first_schema_is_kept(tmp_path: Path) -> None:
    old = Database(f"sqlite:///{tmp_path / 'hub.db'}")
    old.migrate("0001")
    with old.write() as tx:
        assert not inspect(tx).has_table("dead_letter")
        tx.exec_driver_sql("INSERT INTO chain VALUES ('police', 8, x'00', 3, 2)")
        quotas.use(tx, "police", "records", 1, 7)
        tx.exec_driver_sql(
            "INSERT INTO batch VALUES (1, 'police', x'01', 1, x'', x'', 'ter', 1, 'matched', 0, x'')"
        )
        tx.exec_driver_sql(
            "INSERT INTO record VALUES"
            " (41, 'police', x'02', 1, 1, 'active', 'person', 'ter', 1, x'', x'', x'', 0, 0)"
        )
    old.migrate()
    with old.write() as tx:
        assert batches.position(tx, "police").next_sequence == 8
        assert quotas.used(tx, "police", "records", 1) == 7
        assert dead_letters.counts(tx) == {}
        assert records.counts(tx) == {"police": 1}
        assert tx.exec_driver_sql("SELECT value FROM last_key").scalar_one() == 41
        assert compare_metadata(MigrationContext.configure(tx), metadata) == []
    old.close()


def test_a_failed_block_leaves_nothing(database: Database) -> None:
    with pytest.raises(RuntimeError), database.write() as tx:
        quotas.use(tx, "police", "records", 1, 7)
        raise RuntimeError
    with database.read() as tx:
        assert quotas.used(tx, "police", "records", 1) == 0
    database.close()


def test_a_reader_sees_one_state_and_never_blocks_the_writer(database: Database) -> None:
    with database.read() as reader:
        before = batches.position(reader, "police")
        with database.write() as writer:
            batches.advance(writer, "police", 1, bytes(32))
        assert batches.position(reader, "police") == before
    with database.read() as reader:
        assert batches.position(reader, "police").next_sequence == 2
    database.close()


def test_commits_are_synced(database: Database, tmp_path: Path) -> None:
    with database.read() as tx:
        settings = {
            name: tx.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    database.close()
    assert settings == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
    with sqlite3.connect(tmp_path / "hub.db") as plain:
        newest = max(MIGRATIONS.glob("versions/0*.py")).name[:4]
        assert plain.execute("SELECT version_num FROM alembic_version").fetchone() == (newest,)
    plain.close()


def test_the_file_belongs_to_its_owner_alone(database: Database, tmp_path: Path) -> None:
    database.close()
    assert (tmp_path / "hub.db").stat().st_mode & 0o777 == 0o600
