"""The schema on both databases: built, up, down, and on data of the revision before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from postgres_fixtures import KINDS
from postgres_kit import Server
from sqlalchemy import inspect, select

from passerelle_hub.store import (
    Database,
    Transaction,
    batches,
    dead_letters,
    marks,
    notifications,
    population,
    quotas,
    records,
)
from passerelle_hub.store.database import MIGRATIONS
from passerelle_hub.store.log_tables import audit_event
from passerelle_hub.store.tables import metadata, token

NEWEST = max(MIGRATIONS.glob("versions/0*.py")).name[:4]
MARK = bytes(range(16))
BATCH_ROWS = (
    *(("record", "batch_pk"), ("header", "batch_pk"), ("header", "record_pk")),
    *(("section", "record_pk"), ("section_wrap", "record_pk")),
)
"""Foreign keys that PostgreSQL does without since 0010."""


@pytest.fixture(params=KINDS)
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    """A database without a table."""
    if request.param == "sqlite":
        return Database(f"sqlite:///{tmp_path / 'hub.db'}")
    server: Server = request.getfixturevalue("postgres")
    return Database(server.empty())


def differences(tx: Transaction) -> list[Any]:
    """Where tables and metadata part, apart from what only one database has."""
    unchecked = (
        {f"fk_{table}_{column}" for table, column in BATCH_ROWS}
        if tx.dialect.name != "sqlite"
        else set[str]()
    )

    def ours(_thing: object, name: str | None, _kind: str, _reflected: bool, _other: object) -> bool:
        return name != "ix_token_mark" and name not in unchecked

    assert audit_event.metadata is metadata  # imported: the tables of the log are compared as well
    context = MigrationContext.configure(tx, opts={"include_object": ours, "compare_type": True})
    found: list[Any] = compare_metadata(context, metadata)
    return found


def revision(tx: Transaction) -> str | None:
    return MigrationContext.configure(tx).get_current_revision()


def test_migrations_build_exactly_the_tables(database: Database) -> None:
    with database.write() as tx:
        assert differences(tx) == []


def test_migrating_twice_changes_nothing(database: Database) -> None:
    with database.write() as tx:
        quotas.use(tx, "police", 1, {"records": 7})
    database.migrate()
    with database.read() as tx:
        assert quotas.used(tx, "police", "records", 1) == 7
        assert revision(tx) == NEWEST


def test_all_the_way_down_and_up_again(database: Database) -> None:
    database.revert("base")
    with database.read() as tx:
        left = [name for name in inspect(tx).get_table_names() if name != "alembic_version"]
    assert left == []
    database.migrate()
    with database.write() as tx:
        assert differences(tx) == []


def insert(tx: Transaction, table: str, *values: object) -> None:
    """A row as an older release wrote it."""
    mark = "?" if tx.dialect.name == "sqlite" else "%s"
    places = ", ".join([mark] * len(values))
    tx.exec_driver_sql(f"INSERT INTO {table} VALUES ({places})", values)  # noqa: S608 - the tests' own tables


def test_data_of_the_first_schema_is_kept(empty: Database) -> None:
    empty.migrate("0001")
    with empty.write() as tx:
        assert not inspect(tx).has_table("dead_letter")
        insert(tx, "chain", "police", 8, b"\0", 3, 2)
        quotas.use(tx, "police", 1, {"records": 7})
        insert(tx, "batch", 1, "police", b"\1", 1, b"", b"", "ter", 1, "matched", 0, b"")
        insert(tx, "record", 41, "police", b"\2", 1, 1, "active", "person", "ter", 1, b"", b"", b"", 0, False)
    empty.migrate("0002")
    with empty.write() as tx:
        assert tx.exec_driver_sql("SELECT value FROM last_key").scalar_one() == 41
    empty.migrate()
    with empty.write() as tx:
        assert batches.position(tx, "police").next_sequence == 8
        assert quotas.used(tx, "police", "records", 1) == 7
        assert dead_letters.counts(tx) == {}
        assert records.counts(tx) == {"police": 1}
        assert differences(tx) == []
    empty.close()


def _fourth(tx: Transaction) -> None:
    insert(tx, "chain", "police", 8, b"\3" * 32, 3, 2)
    insert(tx, "token", MARK, 41, 5)


def test_data_of_the_fourth_schema_is_kept(empty: Database) -> None:
    empty.migrate("0004")
    with empty.write() as tx:
        _fourth(tx)
    empty.migrate("0005")
    with empty.write() as tx:
        assert notifications.last_sequences(tx) == {"police": 3}
        assert notifications.acknowledged(tx, "police") == 2
        assert notifications.next_sequences(tx, {"police": 1}) == {"police": range(4, 5)}
        assert batches.position(tx, "police").previous == b"\3" * 32
        assert tx.execute(select(token)).all() == [(MARK, 41, 5)]
    empty.close()


def test_the_fifth_schema_can_be_left_again(empty: Database) -> None:
    empty.migrate("0004")
    with empty.write() as tx:
        _fourth(tx)
    empty.migrate("0005")
    with empty.write() as tx:
        notifications.next_sequences(tx, {"police": 1})
        notifications.next_sequences(tx, {"customs": 1})
        marks.put(tx, [(42, [bytes(16) + b"\0\6"])])
    empty.revert("0004")
    with empty.read() as tx:
        chains = tx.exec_driver_sql("SELECT * FROM chain ORDER BY agency").all()
        tokens = tx.exec_driver_sql("SELECT * FROM token ORDER BY record_pk").all()
    empty.close()
    by_name = {row.agency: row for row in chains}
    assert by_name["customs"] == ("customs", 1, bytes(32), 1, 0)
    assert by_name["police"] == ("police", 8, b"\3" * 32, 4, 2)
    assert [tuple(row) for row in tokens] == [(MARK, 41, 5), (bytes(16), 42, 6)]


def test_the_rows_of_a_batch_are_checked_where_it_costs_little(empty: Database) -> None:
    empty.migrate()
    with empty.read() as tx:
        kept = {key["name"] for table in ("header", "link") for key in inspect(tx).get_foreign_keys(table)}
    empty.revert("0009")
    with empty.read() as tx:
        before = {key["name"] for table in ("header", "link") for key in inspect(tx).get_foreign_keys(table)}
    empty.close()
    assert before == {"fk_header_batch_pk", "fk_header_record_pk", "fk_link_low", "fk_link_high"}
    assert kept == (before if not empty.concurrent else {"fk_link_low", "fk_link_high"})


def _parts_of_the_index(tx: Transaction) -> set[str]:
    return {name for name in inspect(tx).get_table_names() if name in {f"token_{part}" for part in range(8)}}


def test_the_index_is_one_table_since_0023_and_keeps_its_rows_up_and_down(empty: Database) -> None:
    rows = {(number.to_bytes(16, "big"), number, 5) for number in range(50)}
    empty.migrate("0022")
    with empty.write() as tx:
        marks.put(tx, [(key, [mark + kind.to_bytes(2, "big")]) for mark, key, kind in rows])
        assert len(_parts_of_the_index(tx)) == (8 if empty.concurrent else 0)
    for target, parts in (("0023", 0), ("0022", 8), ("0023", 0)):
        (empty.revert if parts else empty.migrate)(target)
        with empty.read() as tx:
            assert {tuple(row) for row in tx.execute(select(token))} == rows
            assert {"ix_token_mark"} == {
                str(one["name"]) for one in inspect(tx).get_indexes("token")
            } or not empty.concurrent
            assert len(_parts_of_the_index(tx)) == (parts if empty.concurrent else 0)
            assert marks.kinds(tx, [bytes(16)]) == {bytes(16): 5}
    empty.close()


def test_records_of_before_0024_are_counted(empty: Database) -> None:
    empty.migrate("0023")
    with empty.write() as tx:
        insert(tx, "batch", 1, "police", b"\1", 1, b"", b"", "ter", 1, "matched", 0, b"", b"")
        for key, state, embargoed in (
            (1, "active", False),
            (2, "active", False),
            (3, "active", True),
            (4, "expired", False),
        ):
            row = ("police", bytes([key]), 1, 1, state, "person", "ter", 1, b"", b"", b"", 0, embargoed)
            insert(tx, "record", key, *row)
    for _ in range(2):
        empty.migrate("0024")
        with empty.read() as tx:
            assert sum(population.visible(tx, "ter").values()) == 2
            assert sum(population.visible(tx, "drugs").values()) == 0
        empty.revert("0023")
    empty.close()


def test_marks_of_records_are_kept_up_and_down_0027(empty: Database) -> None:
    kept = {1: b"", 2: MARK, 3: MARK + bytes(16) + b"\xff" * 16}
    empty.migrate("0026")
    with empty.write() as tx:
        insert(tx, "batch", 1, "police", b"\1", 1, b"", b"", "ter", 1, "matched", 0, b"", b"")
        for key, packed in kept.items():
            row = ("police", bytes([key]), 1, 1, "active", "person", "ter", 1, b"", b"", packed, 0, False)
            insert(tx, "record", key, *row)
    for _ in range(2):
        empty.migrate("0027")
        with empty.read() as tx:
            assert {key: row.marks for key, row in records.by_key(tx, list(kept)).items()} == kept
        empty.revert("0026")
        with empty.read() as tx:
            assert dict(tx.exec_driver_sql("SELECT record_pk, marks FROM record").all()) == kept
    empty.close()


def test_ciphertext_is_not_compressed_since_0028(empty: Database) -> None:
    query = (
        "SELECT attname FROM pg_attribute WHERE attstorage = 'e' AND attnum > 0"
        " AND attrelid IN (SELECT oid FROM pg_class WHERE relname IN ('section', 'notification'))"
    )
    for target, kept in (("0028", {"ciphertext", "sealed"}), ("0027", set[str]())):
        (empty.migrate if kept else empty.revert)(target)
        with empty.read() as tx:
            assert not empty.concurrent or set(tx.exec_driver_sql(query).scalars()) == kept
    empty.close()
