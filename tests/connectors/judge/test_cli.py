"""`passerelle connector judge`, as an analyst's clerk types it."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from passerelle.judgement import JudgementReceipt, Reason, Verdict
from passerelle.notification import LinkState
from passerelle_connector.cli import app
from passerelle_connector.config import ConnectorSettings
from passerelle_connector.judge import Finding, cli

LINK = "00" * 16
RECEIPT = JudgementReceipt(
    hub="hub",
    agency="police",
    judgement_id=bytes(16),
    statement=bytes(32),
    recorded=1,
    link_id=bytes(16),
    state=LinkState.REFUTED,
    verdict=Verdict.REFUTED,
    decision_id="d",
    policy_revision="p",
    audit_event=bytes(32),
)


def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    given: list[Finding] = []

    async def soon(_settings: ConnectorSettings, finding: Finding) -> JudgementReceipt:
        given.append(finding)
        return RECEIPT

    monkeypatch.setattr(cli, "load", lambda *_: SimpleNamespace(log_level="info"))
    monkeypatch.setattr(cli, "configure", lambda *_: None)
    monkeypatch.setattr(cli, "judge_link", soon)
    why = "--reason data_error --user u-1 --purpose p --legal-basis l --case c-1 --clearance 3"
    app(["judge", LINK, *words, *why.split()], result_action="return_value")
    assert given == [Finding(LINK, Verdict.REFUTED, Reason.DATA_ERROR, "u-1", "p", "l", "c-1", 3)]
    return capsys.readouterr().out


@pytest.mark.parametrize(("language", "said"), [("en", "refuted: different"), ("nl", "weerlegd")])
def test_the_new_state_in_words(
    language: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said in run(monkeypatch, capsys, "refuted", "--lang", language)


def test_a_receipt_as_json(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    said = json.loads(run(monkeypatch, capsys, "refuted", "--json"))
    assert (said["state"], said["verdict"], said["link"]) == ("refuted", "refuted", LINK)


def test_codes_are_taken_as_the_policies_write_them() -> None:
    line = "judge 00 confirmed_unjustified --reason taken_up --user u --purpose p --legal-basis l --case c"
    _, bound, _ = app.parse_args(f"{line} --clearance 3", exit_on_error=False)
    assert bound.args == ("00", Verdict.CONFIRMED_UNJUSTIFIED)
