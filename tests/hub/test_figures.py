"""`hub status`, `hub agencies` and `hub links` count, and name neither record nor identifier."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hub_kit import HubKit
from parties import HUB, entry_of, manifest_of

from passerelle_hub.cli import app
from passerelle_hub.figures import read_agencies, read_links, read_status

SAME = {"surname+given+birth": "jansen jan 1980-02-03", "national number": "80020312345"}


@pytest.fixture
def linked(hub: HubKit) -> HubKit:
    police, intelligence = hub.agency("police"), hub.agency("intelligence")
    for at in range(2):
        words = {name: f"{word} {at}" for name, word in SAME.items()}
        hub.submit(police, police.record(words))
        hub.submit(intelligence, intelligence.record(words))
    hub.beat()
    return hub


def test_agencies_stand_with_what_they_hold_and_were_told(linked: HubKit) -> None:
    linked.core.outgoing.acknowledge(linked.agency("police").identity, 1)
    with linked.core.database.read() as tx:
        intelligence, police = read_agencies(tx, linked.registry_key.public, linked.clock.now())
        stranger = read_agencies(tx, linked.agency("police").signing.public, linked.clock.now())
    assert police | {"sealing_key_until": ""} == {
        "agency": "police", "roles": "connector", "status": "active", "revision": 1, "sealing_key_until": "",
        "records": 2, "batches": 2, "notifications": 2, "acknowledged": 1, "dead_letters": 0,
    }  # fmt: skip
    assert police["sealing_key_until"] > "2026"
    assert intelligence["agency"] == "intelligence"
    assert stranger == []  # entries under another key are believed by nobody


def test_a_key_of_one_agency_that_never_ends_hides_nobody_elses(linked: HubKit) -> None:
    now, police = linked.clock.now(), linked.agency("police")
    manifest = manifest_of(
        police.identity, police.manifest_key, police.signing.public, police.sealing.public, now, 10**30
    )
    linked.register(entry_of(police.identity, linked.roots, manifest, now, revision=2))
    with linked.core.database.read() as tx:
        rows = read_agencies(tx, linked.registry_key.public, now)
    assert [row["sealing_key_until"][:4] for row in rows] == ["2027", "9999"]


def test_a_key_that_has_ended_is_none(linked: HubKit) -> None:
    later = linked.clock.now() + 10**15
    with linked.core.database.read() as tx:
        rows = read_agencies(tx, linked.registry_key.public, later)
    assert [row["sealing_key_until"] for row in rows] == ["", ""]


def test_links_are_counted_by_kind_and_by_pair_and_nothing_is_named(linked: HubKit) -> None:
    with linked.core.database.read() as tx:
        found = read_links(tx)
        listed = tx.exec_driver_sql("SELECT record_id FROM record").scalars().all()
    (pair,) = found["pairs"]
    assert pair == {"agencies": "intelligence police", "state": "notified", "links": 2}
    assert sum(row["links"] for row in found["kinds"]) == 2
    assert set(found["kinds"][0]) == {"relation", "state", "band", "links"}
    text = json.dumps(found)
    assert not [one for one in listed if one.hex() in text]


def test_status_counts_dead_letters(linked: HubKit) -> None:
    with linked.core.database.read() as tx:
        assert read_status(tx)["dead_letters"] == {}


@pytest.mark.parametrize("command", ["status", "agencies", "links"])
def test_commands_print_tables_and_json(
    linked: HubKit, tmp_path: Path, database_url: str, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "registry.pub").write_bytes(linked.registry_key.public.raw)
    config = tmp_path / "hub.toml"
    config.write_text(
        f'identity = "{HUB}"\ndatabase = "{database_url}"\n[registry]\nkey = "registry.pub"\n'
        "[domains]\nter = [1]\n",
        "utf-8",
    )
    app([command, "--config", str(config), "--json"], result_action="return_value")
    assert json.loads(capsys.readouterr().out)
    app([command, "--config", str(config)], result_action="return_value")
    assert "police" in capsys.readouterr().out
