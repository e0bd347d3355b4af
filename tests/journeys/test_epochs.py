"""A token epoch opened under running processes: the connector goes over by itself, the old one is closed."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from passerelle.clock import SystemClock
from passerelle_demo.cli import POLICIES
from passerelle_demo.parties import TRUSTEES
from passerelle_demo.processes import Processes
from passerelle_demo.scenario import synthetic
from passerelle_demo.staging import THRESHOLD, Stage, build
from passerelle_trustee.ceremony import GROUP_KEYS, SHARES, deal_for_development
from passerelle_trustee.share import write_shares

pytestmark = [pytest.mark.journey]
PATIENCE = 90.0


def command(*arguments: str) -> str:
    line = [sys.executable, "-m", "passerelle", *arguments]
    done = subprocess.run(line, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def hub(stage: Stage, *arguments: str) -> str:
    return command("hub", *arguments, "--config", str(stage.hub))


def asked(config: Path, legal_basis: str, known: Path) -> bool:
    """Whether anybody else holds a person, asked beside the connector that runs."""
    known.write_text('{"family_name": "Peeters", "given_name": "Anna", "born": "1980-02-03"}', "utf-8")
    question = "--user u-17 --purpose counter_terrorism --case c-9 --clearance 3 --json --legal-basis"
    rest = [*question.split(), legal_basis, "--config", str(config)]
    return bool(json.loads(command("connector", "query", str(known), *rest))["hit"])


def held(stage: Stage, epoch: int) -> dict[str, int]:
    """How many records each agency holds in an epoch."""
    rows: list[dict[str, Any]] = json.loads(hub(stage, "epoch", "list", "--json"))
    return next(row["held"] for row in rows if row["epoch"] == epoch)


def wait_for(stage: Stage, epoch: int, expected: dict[str, int]) -> None:
    end = time.monotonic() + PATIENCE
    while (found := held(stage, epoch)) != expected:
        assert time.monotonic() < end, found
        time.sleep(1.5)


def test_a_running_connector_goes_over_to_a_new_epoch(tmp_path: Path) -> None:
    scenario = synthetic(24, seed=3)
    stage = build(tmp_path, scenario, POLICIES, SystemClock(), batch_records=10)
    agency, config = next(iter(stage.connectors.items()))
    config.write_text(config.read_text().replace("scan_seconds = 3600", "scan_seconds = 1"))
    dealt = deal_for_development([scenario.domain], (1, 2), trustees=TRUSTEES, threshold=THRESHOLD)
    for book in dealt.books:  # in place of those with one epoch
        (stage.trustees[book.index].parent / SHARES).unlink()
        write_shares(stage.trustees[book.index].parent / SHARES, book)
    (config.parent / GROUP_KEYS).write_text(dealt.keys.to_json(), "utf-8")
    with Processes(tmp_path) as processes:
        for index, path in stage.trustees.items():
            processes.start(f"trustee-{index}", ["trustee", "run", "--config", str(path)])
        processes.start("hub", ["hub", "run", "--config", str(stage.hub)])
        processes.wait_for("hub", stage.hub_port)
        processes.start(agency, ["connector", "run", "--config", str(config)])
        records = next(one.records for one in scenario.parties if one.id == agency)
        wait_for(stage, 1, {agency: records})
        hub(stage, "epoch", "announce", scenario.domain, "2", "--by", "ada")
        hub(stage, "epoch", "open", scenario.domain, "2", "--by", "ada")
        wait_for(stage, 2, {agency: records})
        assert held(stage, 1) == {}
        hub(stage, "epoch", "close", scenario.domain, "1", "--by", "ada")
        assert "closed" in hub(stage, "epoch", "list")
        assert not asked(config, scenario.legal_basis, tmp_path / "known.json")
        assert (tmp_path / f"{agency}.log").read_text().count("epoch.turned") == 1
