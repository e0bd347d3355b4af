"""Somebody edits the hub's database: every covered table, every column, a row gone, a row more.

One lively hub; each edit is made on a copy of its database file, exported and verified.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from audit_kit import lively, past_expiry
from hub_kit import HubKit, hub_kit
from parties import HUB
from sqlalchemy import Boolean, Column, Float, Integer, LargeBinary, insert, select

from passerelle.audit.verify import verify_export
from passerelle.errors import PasserelleError
from passerelle_hub.audit import EventKind
from passerelle_hub.logbook.export import Exporter
from passerelle_hub.policy.bundle import Bundle
from passerelle_hub.policy.embedded import EmbeddedEngine
from passerelle_hub.store import Database, log_store
from passerelle_hub.store.column_types import Mark, Marks
from passerelle_hub.store.covered import COVERED, EXEMPT, NOT_COVERED
from passerelle_hub.store.log_tables import audit_event
from passerelle_hub.store.tables import metadata

COLUMNS = [
    f"{table}.{column.name}"
    for table in COVERED
    for column in metadata.tables[table].columns
    if f"{table}.{column.name}" not in EXEMPT
]
TABLES = sorted(COVERED)
NAMED = {"log_false", "export_unreadable", "note_malformed", "proof_unavailable"}
"""How the verifier, or the export itself where there is no checkpoint, says that something is false."""


@pytest.fixture(scope="module")
def base(
    tmp_path_factory: pytest.TempPathFactory, engine: EmbeddedEngine, bundle: Bundle
) -> Iterator[tuple[HubKit, Path]]:
    folder = tmp_path_factory.mktemp("edits")
    with hub_kit(folder, engine, bundle) as kit:
        lively(kit)
        past_expiry(kit)
        with kit.core.database.write() as tx:
            kit.core.transparency.checkpoint(tx)
        yield kit, folder / "hub.db"


@pytest.fixture
def edited(base: tuple[HubKit, Path], tmp_path: Path) -> Callable[..., str]:
    kit, file = base

    def edit(*statements: str) -> str:
        """The first false thing that is named after some statements; empty where there is none."""
        copy = tmp_path / "copy.db"
        _copy(file, copy)
        with sqlite3.connect(copy) as plain:
            plain.create_function("flip", 1, _flip)
            for statement in statements:
                changed = plain.execute(statement).rowcount
                assert changed, statement
        plain.close()
        database = Database(f"sqlite:///{copy}")
        try:
            Exporter(database, HUB).write(tmp_path / "export")
            verify_export(tmp_path / "export", kit.registry_key.public, 0)
        except PasserelleError as error:
            assert error.code in NAMED, error
            return f"{error.detail}"
        finally:
            database.close()
        return ""

    return edit


def _copy(file: Path, copy: Path) -> None:
    source, target = sqlite3.connect(file), sqlite3.connect(copy)
    source.backup(target)
    source.close()
    target.close()


def test_without_an_edit_nothing_is_false(edited: Callable[..., str]) -> None:
    assert edited() == ""


@pytest.mark.parametrize("name", COLUMNS)
def test_an_edit_of_a_column_is_named(name: str, edited: Callable[..., str]) -> None:
    table, column = name.split(".")
    kind = metadata.tables[table].columns[column]
    keys = [key.name for key in metadata.tables[table].primary_key.columns]
    order = ", ".join(f"{key} DESC" for key in keys)
    key = ", ".join(keys)
    chosen = f"({key}) = (SELECT {key} FROM {table} {_held(table, column)} ORDER BY {order} LIMIT 1)"  # noqa: S608 - our own tables
    assert edited(f"UPDATE {table} SET {column} = {_other(kind)} WHERE {chosen}")  # noqa: S608 - as above


def _held(table: str, column: str) -> str:
    """Which row is edited: one that is in a tick, one that still holds something."""
    if table == "audit_event":
        erased = " AND kind = 'link.opened'" if column in ("subject", "vouched") else ""
        return f"WHERE tick IS NOT NULL{erased}"
    return "WHERE state = 'active'" if table == "record" else ""


def _other(column: Column[object]) -> str:
    name, kind = column.name, column.type
    if isinstance(kind, Boolean):
        return f"NOT {name}"
    if isinstance(kind, (Integer, Float)):
        return f"{name} + 1"
    return f"flip({name})" if isinstance(kind, (LargeBinary, Mark, Marks)) else f"{name} || 'x'"


def _flip(content: bytes) -> bytes:
    """Other bytes of the same length, or one where there was none."""
    return content[:-1] + bytes([content[-1] ^ 1]) if content else b"\x01"


@pytest.mark.parametrize("table", TABLES)
def test_a_row_that_is_gone_is_named(table: str, edited: Callable[..., str]) -> None:
    assert edited(f"DELETE FROM {table}")  # noqa: S608 - as above


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO token SELECT x'00112233445566778899aabbccddeeff', record_pk, kind FROM token LIMIT 1",
        "INSERT INTO token VALUES (x'00112233445566778899aabbccddeeff', 999999, 1)",
        "INSERT INTO link SELECT 99, x'01', low, high, 'shared_means', state, band, bits, evidence, weights,"
        " decision, changed, verdict FROM link LIMIT 1",
        "INSERT INTO notification SELECT agency, sequence + 9, link_pk, created, decision, key_id, sealed,"
        " about FROM notification WHERE agency = 'intelligence'",
        "INSERT INTO judgement SELECT agency, x'00112233445566778899aabbccddeeff', link_pk, verdict, fields,"
        " decision, recorded, signed FROM judgement LIMIT 1",
        "UPDATE audit_event SET position = 1 - position WHERE position < 2 AND tick ="
        " (SELECT tick FROM audit_event WHERE position = 1 LIMIT 1)",
        "UPDATE audit_event SET erased = x'00', detail = '', actor = '', salt = x''"
        " WHERE kind = 'link.opened'",
        "UPDATE record SET state = 'active' WHERE state = 'expired'",
        "UPDATE record SET state = 'expired', kinds = x'', marks = x'', expiry = 0 WHERE state = 'active'",
        "UPDATE batch SET state = 'indexed' WHERE state = 'matched'",
        "DELETE FROM link WHERE link_pk = 1",
        "DELETE FROM batch WHERE batch_pk = (SELECT max(batch_pk) FROM batch)",
    ],
)
def test_rows_more_exchanged_or_erased_by_hand_are_named(statement: str, edited: Callable[..., str]) -> None:
    assert edited(statement)


def test_every_table_is_listed_and_in_the_threat_model() -> None:
    assert set(metadata.tables) | {"alembic_version"} == set(COVERED) | set(NOT_COVERED)
    page = (Path(__file__).parents[3] / "docs/threat-model.md").read_text("utf-8")
    for table, how in {**COVERED, **NOT_COVERED}.items():
        assert f"| `{table}` | {how}" in page, table


def test_an_event_that_the_hub_did_not_write_never_gets_into_the_log(hub: HubKit) -> None:
    hub.agency("police")
    hub.beat()
    with hub.core.database.write() as tx:
        query = select(audit_event).order_by(audit_event.c.event_pk.desc()).limit(1)
        forged = dict(tx.execute(query).mappings().one())
        forged |= {"commitment": b"1" * 32, "subject": "link/00", "tick": None, "position": None}
        del forged["event_pk"]
        tx.execute(insert(audit_event).values(**forged))
    hub.beat()
    with hub.core.database.read() as tx:
        counts = log_store.counts(tx)
        assert counts[EventKind.EVENT_FORGED] == 1
        assert log_store.newest(tx, ["link/00"]) == ()
