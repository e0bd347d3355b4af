"""Three trustees make keys as their operators would, one is killed meanwhile; a connector uses the keys."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from passerelle.clock import SystemClock
from passerelle.config import load
from passerelle.groups import Group
from passerelle.oprf import threshold
from passerelle_connector.compose_ports import load_peers, open_ports
from passerelle_connector.config import ConnectorSettings
from passerelle_connector.group_keys import load_group_keys
from passerelle_demo.cli import POLICIES
from passerelle_demo.processes import Processes
from passerelle_demo.scenario import synthetic
from passerelle_demo.staging import Stage, build

pytestmark = pytest.mark.journey

ID = "0123456789abcdef0123456789abcdef"
WITHIN = 60.0


def command(*words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "passerelle", "trustee", *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def agreement(stage: Stage, *, kind: str, generation: int, ceremony: str) -> str:
    parts = [
        f'ceremony = "{ceremony}"\nkind = "{kind}"\nthreshold = 2\ngeneration = {generation}\n'
        '[[keys]]\ndomain = "ter"\nepoch = 2\ngroups = ["phone", "person"]'
    ]
    places = {index: f"127.0.0.1:{port}" for index, port in stage.trustee_ports.items()}
    parts += [
        f'[[trustees]]\nagency = "trustee-{index}"\naddress = "{place}"' for index, place in places.items()
    ]
    if kind == "reshare":
        parts += [
            f'[[dealers]]\nindex = {index}\nagency = "trustee-{index}"\naddress = "{places[index]}"'
            for index in (1, 3)
        ]
        parts.append(f'[reshare]\nkeys = "{document(stage, 1, ID)}"')
    return "\n".join(parts) + "\n"


def document(stage: Stage, index: int, ceremony: str) -> Path:
    return stage.trustees[index].parent / "ceremonies" / ceremony / "group-keys.json"


def status(stage: Stage, index: int, ceremony: str) -> dict[str, Any]:
    shown = json.loads(command("ceremony", "status", "--json", "--config", str(stage.trustees[index])))
    (row,) = [row for row in shown["ceremonies"] if row["ceremony"] == ceremony]
    return dict(row)


def hold(stage: Stage, file: Path, ceremony: str) -> None:
    """Everybody joins; wait until all are done."""
    printed = {
        command("ceremony", "join", str(file), "--config", str(one)) for one in stage.trustees.values()
    }
    assert len(printed) == 1
    end = time.monotonic() + WITHIN
    while not all(document(stage, index, ceremony).exists() for index in stage.trustees):
        assert time.monotonic() < end, [status(stage, index, ceremony) for index in stage.trustees]
        time.sleep(0.2)


async def tokens(stage: Stage, agency: str) -> bytes:
    """What the connector of an agency gets for one value under the keys it pins."""
    settings = load(ConnectorSettings, stage.connectors[agency])
    peers = load_peers(settings)
    info = load_group_keys(settings, peers, SystemClock().now()).find("ter", Group.PHONE, 2)
    batch = threshold.blind([b"+32470000001"])
    asked = threshold.request(info, batch, (1, 3), os.urandom(16))
    async with open_ports(settings, peers) as ports:
        answers = [threshold.verify(info, asked, await ports.trustees[at].evaluate(asked)) for at in (1, 3)]
    return threshold.finalise(batch, threshold.combine(answers))[0]


async def test_keys_are_made_dealt_anew_and_used(tmp_path: Path) -> None:
    stage = build(tmp_path, synthetic(20, seed=1), POLICIES, SystemClock())
    agency = next(iter(stage.connectors))
    with Processes(tmp_path) as processes:
        for index, config in stage.trustees.items():
            processes.start(f"trustee-{index}", ["trustee", "run", "--config", str(config)])
        for index, port in stage.trustee_ports.items():
            processes.wait_for(f"trustee-{index}", port)
        file = tmp_path / "agreement.toml"
        file.write_text(agreement(stage, kind="generate", generation=1, ceremony=ID), "utf-8")
        command("ceremony", "join", str(file), "--config", str(stage.trustees[1]))
        processes.kill("trustee-2")
        assert "trustee-2" in status(stage, 1, ID)["waits_for"]
        processes.start("trustee-2", ["trustee", "run", "--config", str(stage.trustees[2])])
        hold(stage, file, ID)

        keys = stage.connectors[agency].parent / "agreed"
        keys.mkdir()
        (keys / "1.json").write_bytes(document(stage, 2, ID).read_bytes())
        settings = stage.connectors[agency]
        settings.write_text(settings.read_text("utf-8").replace('"group-keys.json"', '"agreed"'), "utf-8")
        first = await tokens(stage, agency)

        later = "f" * 32
        file.write_text(agreement(stage, kind="reshare", generation=2, ceremony=later), "utf-8")
        hold(stage, file, later)
        (keys / "2.json").write_bytes(document(stage, 3, later).read_bytes())
        assert await tokens(stage, agency) == first
        for config in stage.trustees.values():
            command("ceremony", "erase", ID, "--config", str(config))
        assert await tokens(stage, agency) == first
