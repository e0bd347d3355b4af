"""The restore drill of docs/operate/backup.md: a hub is killed, its database is gone, and it goes on."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import postgres_kit
import pytest
from sqlalchemy import update

from passerelle.clock import SystemClock
from passerelle.config import load
from passerelle_connector.compose import connector
from passerelle_connector.config import ConnectorSettings
from passerelle_demo.cli import POLICIES
from passerelle_demo.processes import Processes
from passerelle_demo.scenario import synthetic
from passerelle_demo.staging import Stage, build
from passerelle_hub.store import Database, log_store
from passerelle_hub.store.backup_tables import origin

pytestmark = pytest.mark.journey


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    made = build(tmp_path / "stage", synthetic(40, seed=5), POLICIES, SystemClock(), batch_records=10)
    backup, safe = tmp_path / "backup", tmp_path / "safe"
    backup.mkdir()
    safe.mkdir()
    passerelle("hub", "backup-key", str(safe / "operator.key"))
    with made.hub.open("a", encoding="utf-8") as config:
        config.write(f'\n[backup]\nfolder = "{backup}"\noperator_key = "{safe / "operator.key.pub"}"\n')
    passerelle("hub", "pepper-escrow", str(safe / "pepper"), "--config", str(made.hub))
    return made


@pytest.fixture
def processes(stage: Stage) -> Iterator[Processes]:
    with Processes(stage.folder) as running:
        for index, config in stage.trustees.items():
            running.start(f"trustee-{index}", ["trustee", "run", "--config", str(config)])
        start_hub(stage, running)
        for index, port in stage.trustee_ports.items():
            running.wait_for(f"trustee-{index}", port)
        yield running


@pytest.fixture
def on_server(tmp_path: Path, postgres: postgres_kit.Server) -> Iterator[tuple[Stage, str]]:
    """A stage whose hub is on PostgreSQL, and the database's URL."""
    with postgres.migrated() as url:
        made = build(tmp_path / "stage", synthetic(10, seed=5), POLICIES, SystemClock(), batch_records=10)
        text = made.hub.read_text("utf-8")
        assert 'database = "hub.db"' in text
        made.hub.write_text(text.replace('database = "hub.db"', f'database = "{url}"'), "utf-8")
        yield made, url


def test_a_hub_on_a_restored_server_does_not_start_before_somebody_says_so(
    on_server: tuple[Stage, str], tmp_path: Path
) -> None:
    """`tests/hub/backup/test_postgresql.py` restores a real one; here its timeline is another in the row."""
    stage, url = on_server
    config, known = ["--config", str(stage.hub)], tmp_path / "checkpoint"
    with Processes(stage.folder) as running, closing(Database(url)) as database:
        start_hub(stage, running)
        end = time.monotonic() + 60
        while (found := _checkpoint(database)) is None:
            assert time.monotonic() < end
            time.sleep(0.2)
        known.write_bytes(found)
        running.kill("hub")
        with database.write() as tx:
            tx.execute(update(origin).values(timeline=origin.c.timeline + 1))
        assert "recovery_due" in passerelle("hub", "run", *config, code=1)
        passerelle("hub", "recovery-begin", "--checkpoint", str(known), *config)
        assert set(awaited(stage)) >= set(stage.connectors)
        start_hub(stage, running)
        running.kill("hub")


def _checkpoint(database: Database) -> bytes | None:
    with database.read() as tx:
        stored = log_store.latest_checkpoint(tx)
    return stored.note if stored else None


def start_hub(stage: Stage, processes: Processes) -> None:
    processes.start("hub", ["hub", "run", "--config", str(stage.hub)])
    processes.wait_for("hub", stage.hub_port)


def passerelle(*arguments: str, code: int = 0) -> str:
    command = [sys.executable, "-m", "passerelle", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def status(stage: Stage) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        passerelle("hub", "status", "--json", "--config", str(stage.hub)).partition("\n}")[0] + "\n}"
    )
    return found


async def submit(stage: Stage, agency: str) -> None:
    async with connector(load(ConnectorSettings, stage.connectors[agency])) as running:
        await running.submit_once()


async def reconcile(stage: Stage, agency: str) -> bool:
    async with connector(load(ConnectorSettings, stage.connectors[agency])) as running:
        return (await running.reconcile_once()).compared


def awaited(stage: Stage) -> list[str]:
    found: dict[str, list[str]] = json.loads(passerelle("hub", "recovery", "--config", str(stage.hub)))
    return found["awaited"]


def test_a_hub_that_lost_its_database_goes_on(stage: Stage, processes: Processes, tmp_path: Path) -> None:
    backup, safe, config = tmp_path / "backup", tmp_path / "safe", ["--config", str(stage.hub)]
    first, *others = stage.connectors
    asyncio.run(submit(stage, first))
    passerelle("hub", "backup", str(backup), *config)
    for agency in others:
        asyncio.run(submit(stage, agency))
    processes.kill("hub")
    before = status(stage)
    assert all(before["records"][agency] for agency in stage.connectors)

    for file in stage.hub_database.parent.glob(f"{stage.hub_database.name}*"):
        file.unlink()
    pepper = next(stage.hub.parent.rglob("pepper.key"))
    pepper.unlink()
    key = ["--operator-key", str(safe / "operator.key")]
    stranger = tmp_path / "stranger.key"
    passerelle("hub", "backup-key", str(stranger))
    passerelle("hub", "pepper-restore", str(safe / "pepper"), *key, *config)
    refused = passerelle("hub", "restore", str(backup), "--operator-key", str(stranger), *config, code=3)
    assert "backup_key_wrong" in refused
    passerelle("hub", "restore", str(backup), *key, *config)
    assert status(stage)["records"] == before["records"]
    assert set(awaited(stage)) >= set(stage.connectors)

    start_hub(stage, processes)
    for agency in stage.connectors:
        assert asyncio.run(reconcile(stage, agency))
    for agency in set(awaited(stage)) - set(stage.connectors):
        passerelle("hub", "recovery-waive", agency, "--reason", "submits nothing", *config)
    assert awaited(stage) == []
    end = time.monotonic() + 60
    while status(stage)["batches"].get("indexed"):
        assert time.monotonic() < end
        time.sleep(0.2)
    after = status(stage)
    assert after["records"] == before["records"]
    assert sum(after["links"].values()) >= sum(before["links"].values())
    passerelle("hub", "backup", str(backup), *config)
    shutil.rmtree(backup)
