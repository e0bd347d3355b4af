"""`passerelle connector query`: known fields from a file or standard input, the answer in words or JSON."""

from __future__ import annotations

import io
import json
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from passerelle.errors import PasserelleError
from passerelle.notification import Agreement, Band, Relation
from passerelle.query import Answer, Hit
from passerelle_connector.query import cli

HIT = Hit(
    counterpart="coordinator",
    visibility="match",
    relation=Relation.SAME_PERSON,
    band=Band.STRONG,
    agreements=(Agreement("surname", "exact", 9.0), Agreement("birth", "disagree", -3.0)),
    handling="H2",
    obligations=("no_onward_sharing=True",),
    decision_id="d",
)
ANSWER = Answer("hub", "police", bytes(16), bytes(32), 1, (HIT,), False, "d", "p", "weights/1", bytes(32))


def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], answer: Answer, *, as_json: bool
) -> str:
    monkeypatch.setattr(cli, "load", lambda *_: SimpleNamespace(log_level="info"))
    monkeypatch.setattr(cli, "configure", lambda *_: None)
    monkeypatch.setattr(cli, "ask_hub", lambda *_: _soon(answer))
    monkeypatch.setattr(sys, "stdin", io.StringIO('{"family_name": "Peeters", "born": ["1980-02-03"]}'))
    cli.query(user="u", purpose="p", legal_basis="l", case="c", clearance=3, as_json=as_json)
    return capsys.readouterr().out


async def _soon(answer: Answer) -> Answer:
    return answer


def test_a_hit_in_words(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    said = run(monkeypatch, capsys, replace(ANSWER, more=True), as_json=False)
    assert said.startswith("hit\n")
    assert "surname" in said
    assert "birth" not in said
    assert "there is more" in said


def test_no_hit_in_words(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, capsys, replace(ANSWER, hits=()), as_json=False) == "no hit\n"


def test_an_answer_as_json(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    said = json.loads(run(monkeypatch, capsys, ANSWER, as_json=True))
    assert said["hit"] is True
    assert said["hits"][0]["band"] == "strong"
    assert said["audit_event"] == "00" * 32


def test_fields_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "known.json").write_text('{"born": "1980-02-03"}', "utf-8")
    assert cli.read_fields(tmp_path / "known.json") == {"born": ("1980-02-03",)}


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"born": 3}', '{"nickname": "x"}', '{"born": ["x", 1]}'])
def test_what_is_no_object_of_fields_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "known.json").write_text(text, "utf-8")
    with pytest.raises(PasserelleError, match="query_unusable"):
        cli.read_fields(tmp_path / "known.json")
    with pytest.raises(PasserelleError, match="query_unusable"):
        cli.read_fields(tmp_path / "none.json")
