"""Commands: what they print, what they leave on disk, and that no value of a row is shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from connector_kit import make_record

from passerelle.audit.follow import Evidence
from passerelle.certificate import Usage
from passerelle.clock import ManualClock
from passerelle.codec.notification import encode_notification
from passerelle.codec.signed import decode_signed
from passerelle.config import load
from passerelle.csr import read_request
from passerelle.errors import PasserelleError
from passerelle.judgement import Verdict
from passerelle.manifest import KeyManifest, verify_manifest
from passerelle.notification import LinkState, Notification
from passerelle.record import GENESIS, NOTIFICATION_TYPE
from passerelle.sign import SigningKey, sign
from passerelle_connector.cli import app
from passerelle_connector.config import ConnectorSettings
from passerelle_connector.foundation import open_stores
from passerelle_connector.keyring import load_keys
from passerelle_connector.model import Reject

CONFIG = """
identity = "spiffe://police.example/connector/police"
domain = "ter"
trustees = []
[source]
kind = "folder"
path = "rows.csv"
reference = "nr"
[map]
family_name = "naam"
given_name = "voornaam"
born = { from = "geb", parse = "%d/%m/%Y" }
[marking]
purposes = ["terrorism"]
legal_basis = "law"
[hub]
address = "localhost:7443"
agency = "ocam"
"""
ROWS = "nr,naam,voornaam,geb\nP1,Peeters,Jan,02/03/1980\nP2,Peeters,Lotte,02/03/2020\nP3,Maes\n"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "connector.toml").write_text(CONFIG, "utf-8")
    (tmp_path / "rows.csv").write_text(ROWS, "utf-8")
    return tmp_path / "connector.toml"


def call(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[Any, str]:
    outcome = app(words, result_action="return_value", exit_on_error=False)
    return outcome, capsys.readouterr().out


def test_init_makes_keys_once_and_files_for_others(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call(capsys, "init", "--config", str(config))
    folder = config.parent / "keys"
    private = [*folder.glob("*.key"), folder / "leaf-key.pem"]
    assert len(private) == 6
    assert {path.stat().st_mode & 0o777 for path in private} == {0o600}
    before = {path.name: path.read_bytes() for path in private}
    ring = load_keys(folder)
    manifest = decode_signed((folder / "manifest.signed").read_bytes())
    call(capsys, "init", "--config", str(config))
    assert {path.name: path.read_bytes() for path in private} == before
    assert decode_signed((folder / "manifest.signed").read_bytes()) == manifest
    request = read_request((folder / "leaf.csr").read_bytes())
    assert (str(request.identity), request.usage) == (
        "spiffe://police.example/connector/police",
        Usage.CLIENT,
    )
    assert list(ring.sealing) and ring.vault.version == 1
    assert ring.cache_secret != ring.padding_secret


def test_the_manifest_names_the_keys_that_are_used(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call(capsys, "init", "--config", str(config))
    folder = config.parent / "keys"
    ring = load_keys(folder)
    signed = decode_signed((folder / "manifest.signed").read_bytes())
    payload = json.loads(signed.payload)
    manifest = verify_manifest(signed, KeyManifest.from_bytes(signed.payload).manifest_key)
    assert manifest.previous == GENESIS and payload["agency"] == "police"
    assert manifest.signing_key(ring.signing.public.key_id, manifest.issued) == ring.signing.public
    assert manifest.current_sealing_key(manifest.issued).key_id in ring.sealing


def test_a_folder_without_keys_says_so(tmp_path: Path) -> None:
    with pytest.raises(PasserelleError, match="key_file_missing"):
        load_keys(tmp_path)


def test_the_source_is_tried_with_masked_samples(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outcome, printed = call(capsys, "test-source", "--json", "--config", str(config))
    assert outcome == 0
    found = json.loads(printed)
    assert (found["taken"], found["refused"]) == (1, 2)
    assert {row["code"] for row in found["problems"]} == {"row_subject_under_12", "row_malformed"}
    assert found["samples"][0]["fields"] == "born=9999-99-99 family_name=xxxxxxx given_name=xxx"
    assert not (config.parent / "connector.db").exists()
    _, printed = call(capsys, "test-source", "--config", str(config))
    assert "Peeters" not in printed and "1980" not in printed


def test_the_trial_counts_what_is_covered_and_why_rows_are_set_aside(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config.write_text(
        CONFIG.replace("[marking]", 'phone = { from = "tel", split = ";" }\n[marking]'), "utf-8"
    )
    rows = (
        "nr,naam,voornaam,geb,tel\n"
        "P1,Peeters,Jan,02/03/1980,0470123456;unknown\n"
        "P2,Maes,An,01/01/1900,unknown;n/a\n"
        "P3,Claes,Jo,31/02/1980,\n"
        "P4,unknown,Els,02/03/2021,0470\n"
        "P5,Vos\n"
    )
    (config.parent / "rows.csv").write_text(rows, "utf-8")
    outcome, printed = call(capsys, "test-source", "--json", "--rows", "1", "--config", str(config))
    found = json.loads(printed)
    assert (outcome, found["rows"], len(found["samples"])) == (0, 4, 1)
    covered = {row["field"]: (row["rows"], row["percent"]) for row in found["coverage"]}
    assert covered == {
        "family_name": (3, 75), "given_name": (4, 100), "born": (2, 50), "phone": (1, 25),
    }  # fmt: skip
    assert {row["code"]: row["rows"] for row in found["set_aside"]} == {
        "row_no_identifier": 2,
        "row_subject_under_12": 1,
        "row_malformed": 1,
    }
    assert ("row_value_placeholder", "born", 1) in {tuple(row.values()) for row in found["problems"]}
    _, printed = call(capsys, "test-source", "--config", str(config))
    assert "born: 50 %" in printed.splitlines()


def test_withdraw_takes_references_or_what_has_vanished(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stores = open_stores(load(ConnectorSettings, config))
    stores.outbox.put([make_record(1), make_record(2)])
    run = stores.rows.start_run(1)
    stores.outbox.put((), seen=["P1"], run=run)
    stores.rows.finish_run(run, 2, complete=True)
    stores.database.close()

    def withdraw(*words: str) -> tuple[int, Any]:
        outcome, printed = call(capsys, "withdraw", *words, "--json", "--config", str(config))
        return outcome, json.loads(printed) if printed.startswith("{") else printed

    assert withdraw("--vanished") == (0, {"withdrawn": 1})
    assert withdraw("P1", "P8") == (1, {"withdrawn": 1, "unknown": ["P8"]})
    assert withdraw("P1", "--release") == (0, {"released": 1})
    for words in ((), ("P1", "--vanished"), ("--vanished", "--release"), ("--release",)):
        assert withdraw(*words)[0] == 2


def test_status_rejects_and_inbox_of_a_fresh_connector(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    outcome, printed = call(capsys, "status", "--json", "--config", str(config))
    assert outcome == 0
    assert json.loads(printed)["rows"] == 0
    stores = open_stores(load(ConnectorSettings, config))
    stores.rows.reject([Reject("P2", "row_subject_under_12", "", True, 0)])
    stores.database.close()
    _, printed = call(capsys, "rejects", "--json", "--config", str(config))
    assert [row["code"] for row in json.loads(printed)] == ["row_subject_under_12"]
    _, printed = call(capsys, "rejects", "--config", str(config))
    assert "row_subject_under_12" in printed
    _, printed = call(capsys, "inbox", "--json", "--config", str(config))
    assert json.loads(printed) == []


@pytest.mark.parametrize(
    ("language", "said"), [("en", "(green)"), ("fr", "(vert)"), ("nl", "(groen)"), ("de", "(grün)")]
)
def test_the_inbox_says_what_people_found(
    language: str,
    said: str,
    config: Path,
    notification: Notification,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "250")
    judged = notification._replace(state=LinkState.REFUTED, verdict=Verdict.REFUTED.value)
    stores = open_stores(load(ConnectorSettings, config))
    signed = sign(SigningKey.generate(), NOTIFICATION_TYPE, encode_notification(judged))
    stores.inbox.add(1, judged.notification_id, signed, 1)
    stores.database.close()
    assert said in call(capsys, "inbox", "--lang", language, "--config", str(config))[1]
    (row,) = json.loads(call(capsys, "inbox", "--json", "--config", str(config))[1])
    assert (row["state"], row["verdict"]) == ("refuted", "refuted")


def test_status_shows_alarms_of_the_log_until_somebody_moves_them(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evidence = Evidence(config.parent / "log" / "evidence", ManualClock())
    kept = evidence.keep("log_forked", b"two notes", {"known": b"one", "shown": b"other"})
    capsys.readouterr()  # the alarm itself
    outcome, printed = call(capsys, "status", "--json", "--config", str(config))
    assert outcome == 1
    assert json.loads(printed)["log_alarms"] == [kept.name]
    assert json.loads(printed)["promises_not_proven"] == 0
    kept.rename(config.parent / "handed over")
    assert call(capsys, "status", "--json", "--config", str(config))[0] == 0


def test_an_unknown_setting_is_refused(config: Path) -> None:
    config.write_text("colour = 1\n" + CONFIG, "utf-8")
    with pytest.raises(PasserelleError, match="config_invalid") as caught:
        load(ConnectorSettings, config)
    assert "colour" in caught.value.detail


def test_a_store_of_another_version_is_refused(config: Path) -> None:
    stores = open_stores(load(ConnectorSettings, config))
    with stores.database.write() as transaction:
        transaction.exec_driver_sql("UPDATE meta SET value = 99")
    stores.database.close()
    with pytest.raises(PasserelleError, match="store_version"):
        open_stores(load(ConnectorSettings, config))
