"""The doctor looks at running services: everything answers; then one after the other falls silent."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from passerelle.clock import SystemClock
from passerelle_demo.cli import POLICIES
from passerelle_demo.processes import Processes
from passerelle_demo.scenario import synthetic
from passerelle_demo.staging import build

pytestmark = pytest.mark.journey


def asked(role: str, config: Path) -> tuple[int, dict[str, Any]]:
    command = [
        sys.executable,
        "-m",
        "passerelle",
        "doctor",
        "--json",
        "--role",
        role,
        "--config",
        str(config),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout, done.stderr
    return done.returncode, {row["name"]: row for row in json.loads(done.stdout)}


def test_a_running_federation_is_well_and_a_silent_quorum_is_not(tmp_path: Path) -> None:
    stage = build(tmp_path / "stage", synthetic(40, 3), POLICIES, SystemClock())
    agency = next(iter(stage.connectors.values()))
    with Processes(stage.folder) as running:
        for index, path in stage.trustees.items():
            running.start(f"trustee-{index}", ["trustee", "run", "--config", str(path)])
        running.start("hub", ["hub", "run", "--config", str(stage.hub)])
        for index, port in stage.trustee_ports.items():
            running.wait_for(f"trustee-{index}", port)
        running.wait_for("hub", stage.hub_port)

        code, found = asked("connector", agency)
        assert code == 0, found
        assert {found[name]["state"] for name in ("hub", "clock", "protocol", "trustees", "source")} == {"ok"}
        assert "hybrid group" in found["hub"]["text"]
        code, found = asked("hub", stage.hub)
        assert (code, found["listener"]["state"], found["database"]["state"]) == (0, "ok", "ok")
        code, found = asked("trustee", stage.trustees[1])
        assert (code, found["listener"]["state"]) == (0, "ok")

        running.kill("trustee-3")
        code, found = asked("connector", agency)
        assert (code, found["trustees"]["state"]) == (0, "warn")
        running.kill("trustee-2")
        running.kill("hub")
        code, found = asked("connector", agency)
        assert code == 1
        assert {found[name]["state"] for name in ("hub", "trustees")} == {"fail"}
