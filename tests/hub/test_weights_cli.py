"""`passerelle hub weights`, from judged links to an activation and back, as an operator types it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hub_kit import HubKit
from judgement_kit import judge, link_of
from parties import HUB

from passerelle.errors import PasserelleError
from passerelle.judgement import Verdict
from passerelle.keyfile import KeyKind, write_key
from passerelle_hub.cli import app as hub_app
from passerelle_hub.policy_cli import app as policy_app

Command = Callable[..., str]
CONFIRMED = 12


@pytest.fixture
def hub_file(hub: HubKit, tmp_path: Path, database_url: str) -> Path:
    """The configuration of a hub whose analysts judged some links, with two signers."""
    police, intelligence = hub.agency("police"), hub.agency("intelligence")
    for at in range(CONFIRMED + 1):
        words = {"surname+given+birth": f"jansen jan {at}", "given+birth": f"jan {at}"}
        hub.submit(police, police.record(words))
        hub.submit(intelligence, intelligence.record(words))
    hub.beat()
    for number in range(1, CONFIRMED + 2):
        verdict = Verdict.CONFIRMED_JUSTIFIED if number <= CONFIRMED else Verdict.REFUTED
        judge(hub, police, link_of(hub, number).link_id, verdict)
    write_key(tmp_path / "pepper.key", KeyKind.PEPPER, hub.core.foundation.pepper)
    for name in ("alice", "bram"):
        policy_app(["key", str(tmp_path / f"{name}.key")], result_action="return_value")
    file = tmp_path / "hub.toml"
    file.write_text(
        f'identity = "{HUB}"\ndatabase = "{database_url}"\n[keys]\npepper = "pepper.key"\n'
        "[domains]\nter = [1]\n[policy.signers]\n"
        'alice = ["alice.key.pub"]\nbram = ["bram.key.pub"]\n'
    )
    return file


@pytest.fixture
def typed(hub_file: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs `passerelle hub weights ...` and returns what it printed."""

    def run(*words: str | Path) -> str:
        capsys.readouterr()
        line = ["weights", *map(str, words), "--config", str(hub_file)]
        hub_app(line, result_action="return_value")
        return capsys.readouterr().out

    return run


def test_the_whole_cycle(typed: Command, tmp_path: Path) -> None:
    change = tmp_path / "change.json"
    labels = [json.loads(line) for line in typed("labels").splitlines()]
    assert [row["judged"] for row in labels].count("confirmed") == CONFIRMED
    assert labels[-1]["levels"]["birth"] == "exact"
    assert f"{CONFIRMED} confirmed" in typed("propose", change)
    figures = json.loads(typed("replay", change, "--json"))
    assert figures["pairs"] == CONFIRMED + 1
    assert figures["newly_notified"] == figures["no_longer_notified"] == 0
    typed("sign", change, "--key", tmp_path / "alice.key")
    with pytest.raises(PasserelleError, match="policy_signers_same"):
        typed("sign", change, "--key", tmp_path / "alice.key")
    with pytest.raises(PasserelleError, match="policy_signature_missing"):
        typed("activate", change)
    assert "no longer notified: 0" in typed("sign", change, "--key", tmp_path / "bram.key")
    assert "signed by alice and bram" in typed("activate", change)
    assert len(json.loads(typed("history", "--json"))) == 1
    assert "the shipped table" in typed("rollback")
    assert "shipped" in typed("history")
    assert "pairs: 13" in typed("replay", change)


def test_a_stranger_signs_nothing_and_an_unlisted_hub_activates_nothing(
    typed: Command, hub_file: Path, tmp_path: Path
) -> None:
    change = tmp_path / "change.json"
    typed("propose", change)
    policy_app(["key", str(tmp_path / "carol.key")], result_action="return_value")
    with pytest.raises(PasserelleError, match="policy_signer_unknown"):
        typed("sign", change, "--key", tmp_path / "carol.key")
    hub_file.write_text(hub_file.read_text().partition("[policy.signers]")[0])
    with pytest.raises(PasserelleError, match="config_invalid"):
        typed("activate", change)
