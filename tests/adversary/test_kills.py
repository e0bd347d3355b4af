"""SIGKILL at seeded random moments: nothing accepted is lost, nothing is linked or told twice.

One federation lives through all runs: the hub, three trustees and three connectors, a process each. In each
run (1) the agencies write new rows and change some, a part before each kill; (2) the hub, connectors and
trustees are killed at moments drawn from the seed and started again, some before they were up; (3)
everything comes to rest; (4) the stores of all parties are held against each other and against what was
written down.

`PASSERELLE_KILL_RUNS` says how many runs, `PASSERELLE_KILL_SEED` which; a run that fails names both and its
kills. The processes' moments differ between machines, so a seed repeats the kills and not their effect.
"""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest
from kill_kit import AGENCIES, HUB, Federation, Register, federation, orphans
from reconcile_kit import LogWitness, hold_together, under_way

from passerelle.errors import PasserelleError

pytestmark = [pytest.mark.journey, pytest.mark.adversary]

RUNS = int(os.environ.get("PASSERELLE_KILL_RUNS", "3"))
SEED = int(os.environ.get("PASSERELLE_KILL_SEED", "20261123"))
KILLS = 4
WITHIN = 1.2
"""Seconds, at most, from one kill to the next; a batch of a run is under way for about as long."""
AIMED = 0.5
"""How many of the kills wait for a batch under way, which a moment alone would seldom hit."""
ROWS = 28
"""New rows of a run: twice two for each two of four agencies, and one for each that only it knows."""


def test_kills_lose_nothing_and_repeat_nothing(tmp_path: Path) -> None:
    register = Register(random.Random(SEED))
    with federation(tmp_path) as running:
        witness = LogWitness(running.stage)
        began = time.monotonic()
        for run in range(RUNS):
            kills = storm(running, register, run)
            try:
                hold_together(running.stage, register, witness)  # 3 and 4
            except (AssertionError, PasserelleError) as error:
                error.add_note(f"seed {SEED}, run {run} of {RUNS}, kills {kills}")
                raise
        figures = (
            f"{RUNS} runs, {RUNS * KILLS} kills, {len(register.rows)} rows, {time.monotonic() - began:.0f} s"
        )
        print(f"\nseed {SEED}: {figures}")  # noqa: T201 - the figures of a run on demand
        assert len(register.rows) == RUNS * ROWS
    assert orphans(tmp_path) == []


def storm(running: Federation, register: Register, run: int) -> list[tuple[float, str]]:
    """Steps 1 and 2; returns the pauses and victims."""
    victims = [HUB] * 4 + [agency for agency in AGENCIES for _ in range(2)]
    victims += [name for name in running.names if name.startswith("trustee")]
    kills: list[tuple[float, str]] = []
    for step in range(KILLS):
        register.write(running.stage, register.step(run, step, KILLS))
        pause, victim = register.rng.uniform(0.0, WITHIN), register.rng.choice(victims)
        time.sleep(pause)
        if register.rng.random() < AIMED:
            _await_traffic(running)
        running.kill(victim)
        running.start(victim)
        kills.append((round(pause, 2), victim))
    return kills


def _await_traffic(running: Federation) -> None:
    """Until a batch is between two of its steps; not for long, since there may be none."""
    end = time.monotonic() + WITHIN
    while time.monotonic() < end and not under_way(running.stage):
        time.sleep(0.002)
