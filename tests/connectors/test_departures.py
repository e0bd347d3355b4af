"""Rows that vanish, come back, are refused or read incrementally: what the hub is told of them."""

from __future__ import annotations

import asyncio
import sqlite3

import pytest
from office_kit import (
    GOOD,
    SECOND,
    Office,
)
from patience import until

from passerelle.errors import PasserelleError
from passerelle.record import RecordAction
from passerelle_connector.compose import build_withdrawer
from passerelle_connector.foundation import Environment
from passerelle_connector.model import RowState
from passerelle_connector.status import read_status


async def test_vanished_rows_are_withdrawn_after_complete_readings_alone(office: Office) -> None:
    office.write(GOOD, SECOND)
    await office.connector().submit_once()
    office.write(GOOD, "P9,too,few\n")
    assert (await office.connector().submit_once()).withdrawn == 0
    office.write(GOOD)
    office.clock.advance(1)
    assert (await office.connector().submit_once()).withdrawn == 1
    assert office.actions("P5") == [RecordAction.PUT, RecordAction.WITHDRAW]
    assert office.codes() == set()
    assert (await office.connector().submit_once()).withdrawn == 0


async def test_a_row_that_comes_back_is_put_as_the_next_revision(office: Office) -> None:
    office.write(GOOD, SECOND)
    await office.connector().submit_once()
    office.write(GOOD)
    await office.connector().submit_once()
    office.write(GOOD, SECOND)
    assert (await office.connector().submit_once()).records == 1
    row = office.stores.rows.known(["P5"])["P5"]
    assert (row.revision, row.state) == (3, RowState.ACTIVE)
    assert office.actions("P5") == [RecordAction.PUT, RecordAction.WITHDRAW, RecordAction.PUT]
    assert office.stores.outbox.salts(row.record_id, 1) == ()
    assert office.stores.outbox.salts(row.record_id, 3)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        (SECOND.replace("1975", "2021"), "row_subject_under_12"),
        (SECOND.replace(",,,", ",,H9,"), "row_marking_invalid"),
        ("P5,,,,,,\n", "row_no_identifier"),
    ],
)
async def test_a_known_row_that_is_refused_withdraws_its_earlier_revision(
    office: Office, changed: str, code: str
) -> None:
    office.write(GOOD, SECOND)
    await office.connector().submit_once()
    office.write(GOOD, changed, "P9,too,few\n")
    outcome = await office.connector().submit_once()
    assert (outcome.withdrawn, outcome.complete) == (1, False)
    assert ("P5", code, True) in office.codes()
    assert office.actions("P5")[-1] is RecordAction.WITHDRAW
    assert (await office.connector().submit_once()).withdrawn == 0
    assert ("P5", code, True) in office.codes(), "still refused, still said"
    office.write(GOOD, SECOND)
    assert (await office.connector().submit_once()).records == 1
    assert office.actions("P5")[-1] is RecordAction.PUT


async def test_a_marking_that_the_mapping_refuses_withdraws_too(office: Office) -> None:
    office.changes["map"] = {**office.settings().map, "review": {"from": "code", "parse": "%d/%m/%Y"}}
    office.changes["map"].pop("handling")
    office.write(GOOD.replace("H2", "01/02/2030"))
    await office.connector().submit_once()
    office.write(GOOD.replace("H2", "soon"))
    assert (await office.connector().submit_once()).withdrawn == 1
    assert office.actions("P1") == [RecordAction.PUT, RecordAction.WITHDRAW]


async def test_a_source_that_shrank_withdraws_nothing(office: Office) -> None:
    office.write(GOOD, *(SECOND.replace("P5", f"Q{number}") for number in range(12)))
    await office.connector().submit_once()
    office.write(GOOD)
    outcome = await office.connector().submit_once()
    assert (outcome.withdrawn, outcome.held_back) == (0, 12)
    assert [(wait["part"], wait["code"]) for wait in read_status(office.stores)["waits"]] == [
        ("withdraw", "source_shrank")
    ]
    assert build_withdrawer(office.settings(), office.stores, Environment.system()).confirmed() == 12
    assert (await office.connector().submit_once()).held_back == 0
    assert read_status(office.stores)["waits"] == []
    assert office.actions("Q11") == [RecordAction.PUT, RecordAction.WITHDRAW]


async def test_a_row_withdrawn_by_hand_stays_so_until_it_is_released(office: Office) -> None:
    office.write(GOOD, SECOND)
    await office.connector().submit_once()
    withdrawer = build_withdrawer(office.settings(), office.stores, Environment.system())
    withdrawer.by_reference(["P5"])
    office.write(GOOD, SECOND.replace("1975", "1976"))
    assert (await office.connector().submit_once()).records == 0
    assert office.actions("P5") == [RecordAction.PUT, RecordAction.WITHDRAW]
    withdrawer.release(["P5"])
    assert (await office.connector().submit_once()).records == 1
    assert office.actions("P5")[-1] is RecordAction.PUT


def their_database(office: Office) -> sqlite3.Connection:
    made = sqlite3.connect(office.folder / "their.db", isolation_level=None)
    made.execute("create table p (nr, naam, voornaam, geb, gsm, code, nota, at integer)")
    made.executemany(
        "insert into p values (?, ?, 'An', '02/03/1980', '', 'H1', '', ?)",
        [("P1", "Vos", 1), ("P2", "Maes", 2)],
    )
    url = office.folder / "url"
    url.write_text(f"sqlite:///{office.folder / 'their.db'}")
    url.chmod(0o600)
    query = "select * from p where at >= :since"
    office.changes["source"] = {
        "kind": "sql", "url_file": "url", "query": query, "reference": "nr", "watermark": "at", "since": 0
    }  # fmt: skip
    return made


async def test_an_incremental_reading_is_not_complete(office: Office) -> None:
    theirs = their_database(office)
    first = await office.connector().submit_once()
    assert (first.rows, first.records, first.complete) == (2, 2, True)
    theirs.execute("delete from p where nr = 'P1'")
    theirs.execute("insert into p values ('P3', 'Claes', 'Jo', '02/03/1981', '', 'H1', '', 3)")
    second = await office.connector().submit_once()
    assert (second.rows, second.records, second.complete, second.withdrawn) == (2, 1, False, 0)
    office.changes["circumstances"] = {}
    third = await office.connector().submit_once()
    assert (third.rows, third.complete, third.withdrawn) == (2, True, 1), "another mapping reads all again"
    assert office.actions("P1")[-1] is RecordAction.WITHDRAW
    theirs.close()


async def test_a_bookmark_moves_only_when_everything_before_it_is_in_the_outbox(office: Office) -> None:
    theirs = their_database(office)
    for trustee in office.trustees.values():
        trustee.down = True
    with pytest.raises(PasserelleError, match="trustees_unavailable"):
        await office.connector().submit_once()
    theirs.execute("begin exclusive")
    theirs.execute("rollback")
    for trustee in office.trustees.values():
        trustee.down = False
    assert (await office.connector().submit_once()).records == 2
    with office.stores.database.write() as transaction:
        transaction.exec_driver_sql("UPDATE rows SET protocol = ''")
    again = await office.connector().submit_once()
    assert (again.records, again.complete) == (2, True), "rows to tokenise again are all read again"
    theirs.close()


async def test_a_changed_folder_is_read_before_the_next_scan(office: Office) -> None:
    office.changes |= {"scan_seconds": 3_600.0, "watch_seconds": 0.01}
    office.write(GOOD)
    running = asyncio.create_task(office.connector().run())
    await until(lambda: len(office.sent()) == 1)
    office.write(GOOD, SECOND)
    await until(lambda: len(office.sent()) == 2)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
