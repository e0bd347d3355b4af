"""Judgements and queries with real processes: three services hold one person, two of them disagree on it."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from passerelle.clock import SystemClock
from passerelle.codec.notification import decode_notification
from passerelle.config import load
from passerelle.notification import Notification, NotificationKind
from passerelle_connector.config import ConnectorSettings
from passerelle_connector.foundation import open_stores
from passerelle_demo.cli import POLICIES
from passerelle_demo.processes import Processes
from passerelle_demo.scenario import Cast, synthetic
from passerelle_demo.staging import Stage, build
from passerelle_hub.store import Database, clusters

pytestmark = pytest.mark.journey

HARBOUR, PASSAGES, LEDGERS = "havenwacht", "passages", "ledgers"
ROWS: Mapping[str, Mapping[str, str]] = {
    HARBOUR: {"REF": "HW-1", "naam": "Peeters", "voornaam": "Anna", "geboren": "03/02/1980"},
    PASSAGES: {"REF": "PAS1", "nom": "Peeters", "prénom": "Anna", "né(e) le": "03.02.1980"},
    LEDGERS: {"REF": "L1", "surname": "Peeters", "first_name": "Anna", "dob": "1980-02-03"},
}
WHY = "--user u-17 --purpose counter_terrorism --legal-basis be_ter_2024 --case c-9 --clearance 3 --json"
PATIENCE = 60.0


def typed(*arguments: str, refused: str = "") -> Any:
    line = [sys.executable, "-m", "passerelle", *arguments]
    done = subprocess.run(line, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode == 0) is not bool(refused), done.stdout + done.stderr
    assert refused in done.stderr
    return None if refused else json.loads(done.stdout)


def inbox(stage: Stage, agency: str) -> list[Notification]:
    stores = open_stores(load(ConnectorSettings, stage.connectors[agency]))
    try:
        return [decode_notification(item.signed.payload) for item in stores.inbox.items()]
    finally:
        stores.database.close()


def together(stage: Stage) -> list[list[str]]:
    """Who stands in one cluster at the hub."""
    database = Database(f"sqlite:///{stage.hub_database}")
    with database.read() as tx:
        found = [[agency for agency, _ in members] for members in clusters.listing(tx)]
    database.close()
    return found


def wait_until(holds: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, what
        time.sleep(0.3)


def with_one_row(cast: Cast) -> Cast:
    """A service that holds one row, in its own columns."""
    header = next(csv.reader(io.StringIO(next(iter(cast.files.values())).decode())))
    text = io.StringIO()
    writer = csv.DictWriter(text, header)
    writer.writeheader()
    writer.writerow(dict.fromkeys(header, "") | dict(ROWS[cast.id]))
    return replace(cast, files={"records.csv": text.getvalue().encode()}, records=1)


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    whole = synthetic(40, 3)
    cast = tuple(with_one_row(one) for one in whole.cast if one.id in ROWS)
    return build(tmp_path / "stage", replace(whole, cast=cast, truth=frozenset()), POLICIES, SystemClock())


def shared(stage: Stage, one: str, other: str) -> str:
    """The link between two services, from what both were told."""
    links = [{note.link_id for note in inbox(stage, agency)} for agency in (one, other)]
    (link,) = links[0] & links[1]
    return link.hex()


def judged(stage: Stage, agency: str, link: str, verdict: str, reason: str, refused: str = "") -> Any:
    config = str(stage.connectors[agency])
    words = ["connector", "judge", link, verdict, "--reason", reason, *WHY.split(), "--config", config]
    return typed(*words, refused=refused)


def state(stage: Stage, agency: str, link: str) -> str:
    """What a service was told last of a link."""
    return [note for note in inbox(stage, agency) if note.link_id.hex() == link][-1].state.value


def heard_of_a_query(stage: Stage, *owners: str) -> bool:
    return all(inbox(stage, owner)[-1].kind is NotificationKind.QUERY for owner in owners)


def test_three_services_hold_one_person_and_two_of_them_judge(stage: Stage, tmp_path: Path) -> None:
    with Processes(stage.folder) as running:
        for index, path in stage.trustees.items():
            running.start(f"trustee-{index}", ["trustee", "run", "--config", str(path)])
        running.start("hub", ["hub", "run", "--config", str(stage.hub)])
        running.wait_for("hub", stage.hub_port)
        for agency, path in stage.connectors.items():
            running.start(agency, ["connector", "run", "--config", str(path)])
        wait_until(lambda: [sorted(group) for group in together(stage)] == [sorted(ROWS)], "never linked")
        wait_until(lambda: all(len(inbox(stage, one)) >= 3 for one in ROWS), "a first dot each")

        link = shared(stage, HARBOUR, LEDGERS)
        judged(stage, PASSAGES, link, "refuted", "namesake", refused="link_unknown")
        assert judged(stage, HARBOUR, link, "refuted", "namesake")["state"] == "refuted"
        wait_until(lambda: state(stage, LEDGERS, link) == "refuted", "the other service hears of it")
        wait_until(lambda: [len(group) for group in together(stage)] == [2], "the cluster splits")

        labels = typed("hub", "weights", "labels", "--config", str(stage.hub))
        assert labels["judged"] == "refuted"
        contested = judged(stage, LEDGERS, link, "confirmed_justified", "documents")
        assert (contested["state"], contested["verdict"]) == ("under_review", "under_review")
        wait_until(lambda: state(stage, HARBOUR, link) == "under_review", "and it objects")
        wait_until(lambda: [len(group) for group in together(stage)] == [3], "they stand together again")

        known, nobody = tmp_path / "known.json", tmp_path / "nobody.json"
        known.write_text('{"family_name": "Peeters", "given_name": "Anna", "born": "1980-02-03"}', "utf-8")
        nobody.write_text('{"family_name": "Niemand", "given_name": "Nele", "born": "1977-07-07"}', "utf-8")
        asked = ["--config", str(stage.connectors[LEDGERS])]
        answer = typed("connector", "query", str(known), *WHY.split(), *asked)
        assert {hit["relation"] for hit in answer["hits"]} == {"same_person"}
        assert len(answer["hits"]) == 2
        assert not typed("connector", "query", str(nobody), *WHY.split(), *asked)["hit"]
        wait_until(lambda: heard_of_a_query(stage, HARBOUR, PASSAGES), "the owners hear who asked")
