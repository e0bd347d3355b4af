"""The commands about keys: rotation, renewal, and the warning in `status`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from passerelle.clock import DAY, ManualClock, SystemClock
from passerelle.errors import PasserelleError
from passerelle.identity import Identity
from passerelle_connector.cli import app
from passerelle_connector.enrol import enrol

CONFIG = """
identity = "spiffe://police.example/connector/police"
domain = "ter"
trustees = []
source = {}
map = {}
[hub]
address = "localhost:7443"
agency = "ocam"
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "connector.toml"
    file.write_text(CONFIG, "utf-8")
    return file


def call(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[Any, str]:
    outcome = app(words, result_action="return_value", exit_on_error=False)
    return outcome, capsys.readouterr().out


def test_rotate_names_the_file_for_the_registry(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call(capsys, "init", "--config", str(config))
    _, printed = call(capsys, "rotate", "--config", str(config))
    assert str(config.parent / "keys" / "manifest-2.signed") in printed


def test_status_warns_of_keys_that_end_and_says_what_to_do(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys, past = config.parent / "keys", ManualClock(SystemClock().now() - 50 * DAY)
    outcome, printed = call(capsys, "status", "--json", "--config", str(config))
    assert (outcome, json.loads(printed)["keys_ending"]) == (0, [])
    enrol(Identity.parse("spiffe://police.example/connector/police"), keys, keys / "leaf-key.pem", past)
    outcome, printed = call(capsys, "status", "--json", "--config", str(config))
    (ending,) = json.loads(printed)["keys_ending"]
    assert outcome == 0
    assert (ending["kind"], ending["within"], ending["fix"]) == ("sealing", 14, "passerelle connector rotate")
    call(capsys, "rotate", "--config", str(config))
    _, printed = call(capsys, "status", "--json", "--config", str(config))
    assert json.loads(printed)["keys_ending"] == []


@pytest.mark.integration
def test_renew_needs_an_authority(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call(capsys, "init", "--config", str(config))
    with pytest.raises(PasserelleError, match="renewal_not_configured"):
        call(capsys, "renew", "--config", str(config))
    with config.open("a") as file:
        file.write('[pki]\naddress = "127.0.0.1:1"\n[tls]\nroots = "connector.toml"\n')
    with pytest.raises(PasserelleError, match=r"peer_unavailable|tls_material_invalid"):
        call(capsys, "renew", "--config", str(config))
