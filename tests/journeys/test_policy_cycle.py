"""docs/operate/policies.md, command by command, as a newcomer types it on the demonstration."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from passerelle.config import load
from passerelle_demo.processes import Processes
from passerelle_hub.config import HubSettings
from passerelle_hub.store import Database, log_store

pytestmark = pytest.mark.journey

ROOT = Path(__file__).resolve().parents[2]
_BLOCK = re.compile(r"^```sh ?(.*?)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_HUB = Path("fed/hub-coordination-centre/hub.toml")


@dataclass(frozen=True)
class Block:
    """One block of commands and what is said of it: nothing, `terminal`, or `refused <code>`."""

    said: str
    commands: str


def blocks() -> list[Block]:
    text = (ROOT / "docs/operate/policies.md").read_text("utf-8")
    return [Block(*found) for found in _BLOCK.findall(text)]


def shell(folder: Path, commands: str) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["/bin/bash", "-euo", "pipefail", "-c", commands],
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def events(folder: Path) -> dict[str, int]:
    database = Database(load(HubSettings, folder / _HUB).database_url)
    try:
        with database.read() as tx:
            return log_store.counts(tx)
    finally:
        database.close()


def test_the_page_holds_as_it_is_written(tmp_path: Path, opa_binary: Path) -> None:
    shutil.copytree(ROOT / "policies", tmp_path / "policies")
    before = Path.cwd()
    os.chdir(tmp_path)
    outputs: dict[str, str] = {}
    try:
        with Processes(tmp_path) as processes:
            for block in blocks():
                if block.said == "terminal":
                    processes.start("hub", block.commands.split()[1:])
                    port = int(load(HubSettings, _HUB).listen.rpartition(":")[2])
                    processes.wait_for("hub", port)
                    continue
                done = shell(tmp_path, block.commands)
                said = f"{block.commands}\n{done.stdout}\n{done.stderr}"
                if block.said.startswith("refused "):
                    assert done.returncode != 0, said
                    assert block.said.removeprefix("refused ") in done.stderr, said
                else:
                    assert done.returncode == 0, said
                outputs[block.commands] = done.stdout
    finally:
        os.chdir(before)
    shown = "".join(outputs.values())
    assert re.search(r"\d{3} passed, 0 failed on both engines", shown)
    assert "agency_inactive" in shown
    assert "newly_deni" in shown
    assert "preview), posée pour passages: Refusé" in shown
    counts = events(tmp_path)
    assert counts["policy.activated"] >= 2
    assert counts["policy.rolled-back"] == 1
    assert counts["policy.shadowed"] == 1
    assert counts["policy.refused"] == 2
    assert counts["decision.explained"] == 1


def test_every_step_of_the_cycle_is_on_the_page() -> None:
    commands = "".join(block.commands for block in blocks())
    for word in ("check", "test", "replay", "sign", "shadow", "activate", "rollback", "explain", "revisions"):
        assert f"passerelle policy {word}" in commands, word
