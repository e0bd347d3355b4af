"""Two hub processes on one PostgreSQL, four agencies: SIGKILL to either, to the server, or to all of them.

As `test_kills`, with a second hub process behind the same address and a database server that is killed too:
(1) the agencies write rows, a part before each kill; (2) hub processes, the server, or all of them together
are killed at moments drawn from the seed and started again; (3) everything comes to rest; (4) every true pair
is linked, nothing accepted is lost, nothing stands twice or was told twice, and the log extends what was
witnessed.

`PASSERELLE_KILL_RUNS` says how many runs, `PASSERELLE_KILL_SEED` which.
"""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import postgres_kit
import pytest
from kill_kit import HUB, NEIGHBOUR, Federation, Register, federation, orphans
from reconcile_kit import LogWitness, hold_together, under_way

from passerelle.errors import PasserelleError

pytestmark = pytest.mark.journey

RUNS = int(os.environ.get("PASSERELLE_KILL_RUNS", "3"))
SEED = int(os.environ.get("PASSERELLE_KILL_SEED", "20261125"))
KILLS = 3
WITHIN = 1.2
AIMED = 0.5
SERVER = "server"
VICTIMS = ((HUB,), (NEIGHBOUR,), (SERVER,), (HUB, NEIGHBOUR), (HUB, SERVER), (HUB, NEIGHBOUR, SERVER))


@pytest.mark.parametrize("runs", [1, pytest.param(RUNS, marks=pytest.mark.adversary)])
def test_kills_of_hubs_and_server_lose_nothing_and_repeat_nothing(
    tmp_path: Path, postgres: postgres_kit.Server, runs: int
) -> None:
    programs = postgres_kit.binaries()
    assert programs is not None and postgres.folder  # skipped, or failed, where there is none
    register = Register(random.Random(SEED))
    with (
        postgres_kit.server(programs) as server,
        server.migrated() as url,
        federation(tmp_path, url) as running,
    ):
        witness = LogWitness(running.stage)
        began = time.monotonic()
        for run in range(runs):
            kills = storm(running, server, register, run)
            try:
                hold_together(running.stage, register, witness)
            except (AssertionError, PasserelleError) as error:
                error.add_note(f"seed {SEED}, run {run} of {runs}, kills {kills}")
                raise
        print(  # noqa: T201 - the figures of a run on demand
            f"\nseed {SEED}: {runs} runs, {runs * KILLS} kills, {len(register.rows)} rows, "
            f"{time.monotonic() - began:.0f} s"
        )
        for name in running.hubs:
            running.kill(name)  # before the server's database is emptied
    assert orphans(tmp_path) == []


def storm(
    running: Federation, server: postgres_kit.Server, register: Register, run: int
) -> list[tuple[float, tuple[str, ...]]]:
    """Steps 1 and 2; returns the pauses and victims."""
    kills: list[tuple[float, tuple[str, ...]]] = []
    for step in range(KILLS):
        register.write(running.stage, register.step(run, step, KILLS))
        pause, victims = register.rng.uniform(0.0, WITHIN), register.rng.choice(VICTIMS)
        time.sleep(pause)
        if register.rng.random() < AIMED:
            await_traffic(running)
        for victim in victims:
            if victim == SERVER:
                server.kill()
            else:
                running.kill(victim)
        for victim in reversed(victims):
            if victim == SERVER:
                server.start()
            else:
                running.start(victim)
        kills.append((round(pause, 2), victims))
    return kills


def await_traffic(running: Federation) -> None:
    """Until a batch is between two of its steps; not for long, since there may be none."""
    end = time.monotonic() + WITHIN
    while time.monotonic() < end and not under_way(running.stage):
        time.sleep(0.02)
