"""Transactions, on a file and on a server as in production."""

from __future__ import annotations

import sqlite3
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from patience import wait_until
from postgres_kit import Server
from store_kit import migrated

from passerelle_hub.store import Database, batches, quotas


@pytest.fixture
def on_file(tmp_path: Path) -> Database:
    return Database(migrated(tmp_path / "hub.db"))


def test_a_failed_block_leaves_nothing(database: Database) -> None:
    with pytest.raises(RuntimeError), database.write() as tx:
        quotas.use(tx, "police", 1, {"records": 7})
        raise RuntimeError
    with database.read() as tx:
        assert quotas.used(tx, "police", "records", 1) == 0


def test_a_reader_sees_one_state_and_never_blocks_the_writer(database: Database) -> None:
    with database.read() as reader:
        before = batches.position(reader, "police")
        with database.write() as writer:
            batches.advance(writer, "police", 1, bytes(32))
        assert batches.position(reader, "police") == before
    with database.read() as reader:
        assert batches.position(reader, "police").next_sequence == 2


def test_a_server_refuses_to_write_where_only_reading_was_asked_for(postgres: Server) -> None:
    with (
        postgres.migrated() as url,
        closing(Database(url)) as database,
        pytest.raises(Exception, match="read-only"),
        database.read() as tx,
    ):
        quotas.use(tx, "police", 1, {"records": 7})


def test_commits_of_a_file_are_synced(on_file: Database) -> None:
    with on_file.read() as tx:
        settings = {
            name: tx.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    on_file.close()
    assert settings == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_commits_of_a_server_are_synced(postgres: Server) -> None:
    with postgres.migrated() as url, closing(Database(url)) as database, database.write() as tx:
        assert tx.exec_driver_sql("SHOW synchronous_commit").scalar_one() == "on"
        assert tx.exec_driver_sql("SHOW transaction_isolation").scalar_one() == "read committed"
        assert tx.exec_driver_sql("SHOW jit").scalar_one() == "off"


def test_the_file_belongs_to_its_owner_alone(on_file: Database, tmp_path: Path) -> None:
    on_file.close()
    assert (tmp_path / "hub.db").stat().st_mode & 0o777 == 0o600
    with sqlite3.connect(tmp_path / "hub.db") as plain:
        assert plain.execute("SELECT count(*) FROM alembic_version").fetchone() == (1,)
    plain.close()


def test_the_pool_grows_by_need_and_gives_back_what_a_rush_needed(postgres: Server) -> None:
    def count(database: Database) -> int:
        with database.read() as tx:
            query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            return int(tx.exec_driver_sql(query).scalar_one())

    with postgres.migrated() as url:
        short = f"{url}&options=-c%20idle_session_timeout%3D300ms"
        with closing(Database(short, connections=5)) as database, closing(Database(url)) as other:
            wait_until(lambda: count(other) == 1)  # who had the database before is gone
            with ExitStack() as rush:
                for _ in range(4):
                    # a transaction begins with its first statement; until then its connection is idle
                    rush.enter_context(database.read()).exec_driver_sql("SELECT 1")
                assert count(other) == 5
            wait_until(lambda: count(other) == 1)
            assert count(database) == 2  # what was given back is opened again


def test_both_sides_ask_whether_the_other_host_is_still_there(postgres: Server) -> None:
    set_by = (
        "SELECT name, source FROM pg_settings WHERE name ~ '^tcp_keepalives' ORDER BY name"  # on a socket 0
    )
    with postgres.migrated() as url:
        for asked, own in (("20", ""), ("7", "&keepalives_idle=7")):
            with closing(Database(url + own)) as database, closing(database.connect()) as connection:
                assert connection.info.get_parameters()["keepalives_idle"] == asked
                names = dict(connection.execute(set_by).fetchall())
            assert names == {f"tcp_keepalives_{part}": "client" for part in ("count", "idle", "interval")}
