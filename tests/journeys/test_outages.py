"""Real processes killed in the middle of things: nothing accepted is lost, nothing is told twice."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from passerelle.clock import SystemClock
from passerelle.codec.notification import decode_notification
from passerelle.config import load
from passerelle.errors import PasserelleError
from passerelle.notification import Notification, NotificationKind
from passerelle_connector.compose import connector
from passerelle_connector.config import ConnectorSettings
from passerelle_connector.foundation import open_stores
from passerelle_demo.cli import POLICIES
from passerelle_demo.processes import Processes
from passerelle_demo.scenario import synthetic
from passerelle_demo.staging import Stage, build
from passerelle_hub.store import Database, notifications

pytestmark = pytest.mark.journey


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return build(tmp_path, synthetic(60, seed=3), POLICIES, SystemClock(), batch_records=10)


@pytest.fixture
def processes(stage: Stage) -> Iterator[Processes]:
    with Processes(stage.folder) as running:
        for index in stage.trustees:
            start_trustee(stage, running, index)
        start_hub(stage, running)
        for index, port in stage.trustee_ports.items():
            running.wait_for(f"trustee-{index}", port)
        running.wait_for("hub", stage.hub_port)
        yield running


def start_hub(stage: Stage, processes: Processes) -> None:
    processes.start("hub", ["hub", "run", "--config", str(stage.hub)])


def start_trustee(stage: Stage, processes: Processes, index: int) -> None:
    processes.start(f"trustee-{index}", ["trustee", "run", "--config", str(stage.trustees[index])])


def passerelle(*arguments: str) -> Any:
    command = [sys.executable, "-m", "passerelle", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def submit(stage: Stage, agency: str) -> None:
    async def once() -> None:
        async with connector(load(ConnectorSettings, stage.connectors[agency])) as running:
            await running.submit_once()

    asyncio.run(once())


def receive(stage: Stage, seconds: float) -> dict[str, list[Notification]]:
    """All agencies read their streams for a while; returns what the inboxes hold then."""

    async def listen(agency: str) -> None:
        async with connector(load(ConnectorSettings, stage.connectors[agency])) as running:
            with suppress(TimeoutError):
                await asyncio.wait_for(running.receive(), seconds)

    async def together() -> None:
        await asyncio.gather(*(listen(agency) for agency in stage.connectors))

    asyncio.run(together())
    return {agency: inbox(config) for agency, config in stage.connectors.items()}


def inbox(config: Path) -> list[Notification]:
    stores = open_stores(load(ConnectorSettings, config))
    try:
        return [decode_notification(item.signed.payload) for item in stores.inbox.items()]
    finally:
        stores.database.close()


def behind(stage: Stage) -> set[str]:
    """The agencies that have not read all that the hub tells them."""
    database = Database(f"sqlite:///{stage.hub_database}")
    with database.read() as tx:
        given = {agency: last for agency, (last, _) in notifications.places(tx).items()}
    database.close()
    return {agency for agency, config in stage.connectors.items() if cursor(config) < given.get(agency, 0)}


def cursor(config: Path) -> int:
    stores = open_stores(load(ConnectorSettings, config))
    try:
        return stores.inbox.cursor()
    finally:
        stores.database.close()


def hub_status(stage: Stage) -> dict[str, Any]:
    found: dict[str, Any] = passerelle("hub", "status", "--json", "--config", str(stage.hub))
    return found


def wait_until_matched(stage: Stage, seconds: float = 60.0) -> dict[str, Any]:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        status = hub_status(stage)
        if not status["batches"].get("indexed"):
            return status
        time.sleep(0.5)
    raise AssertionError("batches stay indexed")


def test_trustees_go_and_come_back(stage: Stage, processes: Processes) -> None:
    first, second, *_ = stage.connectors
    processes.kill("trustee-3")
    submit(stage, first)
    assert hub_status(stage)["records"][first] > 0

    processes.kill("trustee-2")
    with pytest.raises(PasserelleError) as refused:
        submit(stage, second)
    assert refused.value.code == "trustees_unavailable"
    assert second not in hub_status(stage)["records"]

    start_trustee(stage, processes, 2)
    processes.wait_for("trustee-2", stage.trustee_ports[2])
    submit(stage, second)
    assert hub_status(stage)["records"][second] > 0


def test_a_hub_killed_between_its_two_transactions_finishes_after_the_restart(
    stage: Stage, processes: Processes
) -> None:
    agencies = list(stage.connectors)
    for agency in agencies[:-1]:
        submit(stage, agency)
    submit(stage, agencies[-1])
    processes.kill("hub")
    before = hub_status(stage)
    start_hub(stage, processes)
    processes.wait_for("hub", stage.hub_port)
    after = wait_until_matched(stage)
    assert after["records"] == before["records"]
    assert set(after["batches"]) == {"matched"}
    inboxes, end = receive(stage, 3.0), time.monotonic() + 60
    while behind(stage):  # a busy machine takes longer over a stream
        assert time.monotonic() < end
        inboxes = receive(stage, 3.0)
    told = [
        note.link_id
        for notes in inboxes.values()
        for note in notes
        if note.kind is not NotificationKind.FIRST_DOT  # those speak of a link already told
    ]
    assert receive(stage, 2.0) == inboxes
    assert told
    assert all(told.count(link) == 2 for link in told)


def test_submitting_again_after_a_restart_of_everything_changes_nothing(
    stage: Stage, processes: Processes
) -> None:
    agency = next(iter(stage.connectors))
    submit(stage, agency)
    before = hub_status(stage)["records"]
    processes.kill("hub")
    with pytest.raises(PasserelleError):
        (stage.connectors[agency].parent / "data" / "more.csv").write_bytes(_one_more(stage, agency))
        submit(stage, agency)
    start_hub(stage, processes)
    processes.wait_for("hub", stage.hub_port)
    submit(stage, agency)
    submit(stage, agency)
    assert hub_status(stage)["records"][agency] == before[agency] + 1


def _one_more(stage: Stage, agency: str) -> bytes:
    """A file with one more row: the first one under another reference."""
    lines = (stage.connectors[agency].parent / "data" / "records.csv").read_text("utf-8").splitlines()
    reference = lines[1].split(",")[0]
    return "\n".join((lines[0], lines[1].replace(reference, "NEW-1", 1))).encode() + b"\n"


def test_the_commands_show_what_happened(stage: Stage, processes: Processes) -> None:
    agency = next(iter(stage.connectors))
    config = str(stage.connectors[agency])
    submitted = passerelle("connector", "submit", "--json", "--config", config)
    status = passerelle("connector", "status", "--json", "--config", config)
    rejects = passerelle("connector", "rejects", "--json", "--config", config)
    trustee = passerelle("trustee", "status", "--json", "--config", str(stage.trustees[1]))
    assert submitted
    assert status
    assert isinstance(rejects, list)
    assert trustee
    assert passerelle("connector", "inbox", "--json", "--config", config) == []
