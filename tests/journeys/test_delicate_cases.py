"""The delicate cases of DOMAIN.md through real processes: rules 2 and H2, 3, 7 and 11, party by party."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from passerelle.codec.notification import decode_notification
from passerelle.config import load
from passerelle.notification import Notification
from passerelle_connector.config import ConnectorSettings
from passerelle_connector.foundation import open_stores
from passerelle_connector.status import read_status
from passerelle_hub.store import Database, records

pytestmark = pytest.mark.journey

DESK, REGISTER = "coordination-desk", "carriers"


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    folder = tmp_path_factory.mktemp("delicate") / "kept"
    command = [sys.executable, "-m", "passerelle", "demo", "--once", "--json", "--records", "60"]
    done = subprocess.run(
        [*command, "--keep", str(folder)], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    figures: dict[str, Any] = json.loads(done.stdout)
    assert "Delicate cases" in done.stderr
    return figures, folder


def settings(folder: Path, agency: str) -> ConnectorSettings:
    return load(ConnectorSettings, folder / f"connector-{agency}" / "connector.toml")


def inbox(folder: Path, agency: str) -> list[Notification]:
    stores = open_stores(settings(folder, agency))
    try:
        return [decode_notification(item.signed.payload) for item in stores.inbox.items()]
    finally:
        stores.database.close()


def row_ids(folder: Path, agency: str) -> dict[str, bytes]:
    """Record ids of an agency's delicate rows, by reference."""
    stores = open_stores(settings(folder, agency))
    try:
        known = stores.rows.known([f"DELICATE-{agency[:3].upper()}-{number}" for number in (1, 2, 3)])
        return {reference: row.record_id for reference, row in known.items()}
    finally:
        stores.database.close()


def told_in(figures: dict[str, Any], case: str) -> dict[str, list[dict[str, Any]]]:
    """The parties that were told something in a case."""
    told: dict[str, list[dict[str, Any]]] = figures["delicate"][case]["told"]
    return {party: notes for party, notes in told.items() if notes}


def test_rule_3_the_directors_desk_alone_learns_of_an_embargoed_match(
    played: tuple[dict[str, Any], Path],
) -> None:
    figures, folder = played
    assert figures["delicate"]["embargo"]["links"] == ["director_only"]
    told = told_in(figures, "embargo")
    assert told.keys() == {DESK}
    (note,) = told[DESK]
    assert note["visibility"] == "director"
    assert note["own_records"] == 0
    assert note["actions"] == ["decide_with_originator"]
    assert set(note["counterpart"].split("+")) == {"havenwacht", "passages"}
    assert len(inbox(folder, DESK)) == 1


def test_rule_3_for_everybody_else_an_embargoed_match_is_no_match(
    played: tuple[dict[str, Any], Path],
) -> None:
    figures, folder = played
    (secret,) = (note.link_id for note in inbox(folder, DESK))
    for agency, reference in figures["delicate"]["embargo"]["rows"]:
        hidden = row_ids(folder, agency)[reference]
        notes = inbox(folder, agency)
        assert len(notes) == figures["notifications"][agency]  # nothing is counted that is not shown
        assert all(secret != note.link_id and hidden not in note.own_records for note in notes)
        stores = open_stores(settings(folder, agency))
        status = read_status(stores)
        stores.database.close()
        assert status["waits"] == []
        assert status["notifications"] == len(notes)  # no number left out where the hidden one would stand
        assert set(status["batches"]) == {"receipted"}


def test_rule_2_the_obligation_of_h2_travels_with_the_notification(
    played: tuple[dict[str, Any], Path],
) -> None:
    figures, _ = played
    told = told_in(figures, "handling")
    assert told.keys() == {"ostamt", "ledgers"}
    (bound,), (free,) = told["ledgers"], told["ostamt"]
    assert (bound["handling"], free["handling"]) == ("H2", "H0")
    assert "no_onward_sharing=True" in bound["obligations"]
    assert not [item for item in free["obligations"] if item.startswith("no_onward_sharing")]


def test_rule_11_query_right_learns_of_existence_and_of_nothing_else(
    played: tuple[dict[str, Any], Path],
) -> None:
    figures, folder = played
    told = told_in(figures, "query_right")
    assert told.keys() == {REGISTER, "havenwacht"}
    (note,) = told[REGISTER]
    assert note["visibility"] == "existence"
    assert (note["counterpart"], note["contact"]) == ("coordinator", "")
    assert (note["band"], note["odds"], note["agreements"]) == ("withheld", "", [])
    assert note["actions"] == ["contact_basic_service"]
    assert {one.visibility for one in inbox(folder, REGISTER)} == {"existence"}
    (full,) = told["havenwacht"]
    assert (full["visibility"], full["counterpart"]) == ("match", REGISTER)
    assert full["agreements"]


def test_rule_7_a_child_under_twelve_never_leaves_its_agency(played: tuple[dict[str, Any], Path]) -> None:
    figures, folder = played
    child = figures["delicate"]["child"]
    ((agency, reference),) = child["rows"]
    assert child["refused"] == {agency: ["row_subject_under_12"]}
    assert (child["links"], told_in(figures, "child")) == ([], {})
    assert reference not in row_ids(folder, agency)
    stores = open_stores(settings(folder, agency))
    shown = [item for item in stores.rows.rejects() if item.reference == reference and item.fatal]
    known = stores.rows.count()[0]
    stores.database.close()
    assert [item.code for item in shown] == ["row_subject_under_12"]
    (hub,) = folder.glob("hub-*/hub.db")
    database = Database(f"sqlite:///{hub}")
    with database.read() as tx:
        assert records.counts(tx)[agency] == known
    database.close()


def test_the_figures_count_the_directors_pair_as_true_and_as_nobodys_link(
    played: tuple[dict[str, Any], Path],
) -> None:
    figures, _ = played
    assert figures["agencies"] == 4
    assert figures["precision"] >= 0.99
    assert DESK not in figures["notifications"]
    assert sum(figures["notifications"].values()) == 2 * (figures["links"] - figures["candidates"])
