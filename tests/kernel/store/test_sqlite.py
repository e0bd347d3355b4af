"""Database files: what is committed stays, what fails leaves nothing, another version is refused as it is."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Column, ForeignKey, Integer, MetaData, Table, func, insert, select
from sqlalchemy.exc import IntegrityError, OperationalError

from passerelle.errors import PasserelleError
from passerelle.store import Database, DatabaseFile, Schema, sqlite_engine

TABLES = MetaData()
ITEM = Table("item", TABLES, Column("id", Integer, primary_key=True))
PART = Table("part", TABLES, Column("item", Integer, ForeignKey("item.id")))
SCHEMA = Schema(TABLES, 3, "store_version")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "a ?mode=memory.db"  # a name that is no part of a URL


@pytest.fixture
def database(file: Path) -> Iterator[DatabaseFile]:
    opened = DatabaseFile(file, SCHEMA)
    yield opened
    opened.close()


def _count(database: Database) -> int:
    with database.read() as tx:
        return tx.scalar(select(func.count()).select_from(ITEM)) or 0


def test_a_block_that_ends_is_committed_and_one_that_raises_leaves_nothing(database: DatabaseFile) -> None:
    with database.write() as tx:
        tx.execute(insert(ITEM), {"id": 1})
    with pytest.raises(RuntimeError, match="crash"), database.write() as tx:
        tx.execute(insert(ITEM), {"id": 2})
        raise RuntimeError("crash")
    assert _count(database) == 1


@pytest.mark.parametrize("pooled", [False, True])
def test_every_connection_is_careful(file: Path, pooled: bool) -> None:
    database = DatabaseFile(file, SCHEMA, pooled=pooled)
    names = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout", "secure_delete")
    with database.read() as tx:
        settings = tuple(tx.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in names)
    database.close()
    assert settings == ("wal", 2, 1, 10_000, 1)


def test_a_writer_takes_the_lock_at_once_and_readers_go_on(database: DatabaseFile, file: Path) -> None:
    with closing(sqlite3.connect(file, timeout=0, isolation_level=None)) as other, database.write():
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
        assert other.execute("SELECT count(*) FROM item").fetchone() == (0,)


def test_a_reader_sees_one_state(database: DatabaseFile) -> None:
    with database.read() as reader:
        before = reader.scalar(select(func.count()).select_from(ITEM))
        with database.write() as tx:
            tx.execute(insert(ITEM), {"id": 1})
        assert reader.scalar(select(func.count()).select_from(ITEM)) == before
    assert _count(database) == 1


def test_references_are_kept(database: DatabaseFile) -> None:
    with pytest.raises(IntegrityError), database.write() as tx:
        tx.execute(insert(PART), {"item": 9})


def test_a_file_belongs_to_its_user_alone(database: DatabaseFile, file: Path) -> None:
    with database.write() as tx:
        tx.execute(insert(ITEM), {"id": 1})
    modes = {path.name.removeprefix(file.name): path.stat().st_mode & 0o777 for path in file.parent.iterdir()}
    assert modes == {"": 0o600, "-wal": 0o600, "-shm": 0o600}


def test_a_wider_mode_is_narrowed(file: Path) -> None:
    file.touch(mode=0o644)
    DatabaseFile(file, SCHEMA).close()
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_file_is_opened_again(file: Path) -> None:
    for number in (1, 2):
        database = DatabaseFile(file, SCHEMA)
        with database.write() as tx:
            tx.execute(insert(ITEM), {"id": number})
        assert _count(database) == number
        database.close()


def test_another_version_is_refused_and_not_changed(file: Path) -> None:
    DatabaseFile(file, SCHEMA).close()
    other = MetaData()
    Table("more", other, Column("id", Integer, primary_key=True))
    with pytest.raises(PasserelleError, match="store_version") as caught:
        DatabaseFile(file, Schema(other, 4, "store_version"))
    assert caught.value.detail == "version 3, this release writes 4"
    with closing(sqlite3.connect(file)) as plain:
        names = {name for (name,) in plain.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert names == {"meta", "item", "part"}


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        DatabaseFile(tmp_path / "none" / "store.db", SCHEMA)


def test_an_engine_alone_opens_transactions(tmp_path: Path) -> None:
    database = Database(sqlite_engine(f"sqlite:///{tmp_path / 'plain.db'}"))
    with pytest.raises(OperationalError), database.write() as tx:
        tx.exec_driver_sql("BEGIN IMMEDIATE")  # it has begun
    database.close()


def test_a_file_that_is_no_database_is_refused_by_name_and_kept(file: Path) -> None:
    file.write_text("notes of somebody else", "utf-8")
    with pytest.raises(PasserelleError, match="database_malformed") as caught:
        DatabaseFile(file, SCHEMA)
    assert caught.value.detail == f"{file.name}: SQLITE_NOTADB"
    assert file.read_text("utf-8") == "notes of somebody else"
