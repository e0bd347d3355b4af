"""Faults at each durable write: killed, EIO, disk full, power cut. Nothing false is accepted, nothing
acknowledged is lost or doubled, and the log verifies offline.

Each run plays a story of `tests/support/faults` with one fault at its N-th durable write, then again without,
as after a restart, and checks what is there. `PASSERELLE_FAULT_RUNS` says how many writes of each story, 0
every one of them with every fault; `PASSERELLE_FAULT_SEED` which. A run that fails names story, write, fault.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from faults import Fault, build

pytestmark = [pytest.mark.adversary]

RUNS = int(os.environ.get("PASSERELLE_FAULT_RUNS", "6"))
SEED = int(os.environ.get("PASSERELLE_FAULT_SEED", "20261125"))
FIRST = 4
STORIES = ("record", "keys", "ceremony", "evidence", "backup", "authority")
FAULTS = (Fault.EIO, Fault.ENOSPC, Fault.KILL_BEFORE, Fault.TORN)
KILLS = (Fault.KILL_BEFORE, Fault.TORN)
"""Taken in turns: killed after a write is killed before the next."""
SUPPORT = Path(__file__).parents[1] / "support"
CUTS = (Fault.CUT, Fault.CUT_DATA, Fault.CUT_SOME)
"""What was not synchronised is lost: taken in turns, but all of them in a full run."""
KILLED = -signal.SIGKILL


@dataclass
class Player:
    """A process that plays one story under faults."""

    process: subprocess.Popen[str]
    story: str

    def run(self, at: int, fault: Fault) -> dict[str, Any]:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps({"story": self.story, "at": at, "fault": fault}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "the process that plays the stories is gone"
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextmanager
def player(library: Path, folder: Path, story: str) -> Generator[Player]:
    folder.mkdir()
    with (folder / "log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "faults", str(folder)],
            env={**os.environ, "LD_PRELOAD": str(library), "PYTHONPATH": str(SUPPORT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        with process:
            yield Player(process, story)
            assert process.stdin is not None
            process.stdin.close()


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("cc") is None or sys.platform != "linux":
        pytest.skip("no C compiler (Debian: gcc, libc6-dev) on Linux: faults cannot be made")
    return build(tmp_path_factory.mktemp("faults"))


@pytest.mark.parametrize("story", STORIES)
def test_a_fault_at_a_durable_write_loses_and_forges_nothing(
    story: str, library: Path, tmp_path: Path
) -> None:
    with ExitStack() as stack:
        count = 1 if RUNS else os.cpu_count() or 1
        players = [
            stack.enter_context(player(library, tmp_path / str(number), story)) for number in range(count)
        ]
        writes = counted(players[0])
        points = planned(story, writes)
        with ThreadPoolExecutor(count) as pool:
            parts = pool.map(play, players, (points[start::count] for start in range(count)))
            ends = sum(parts, Counter[tuple[str, int]]())
    said = ", ".join(f"{fault} ended {code}: {times}" for (fault, code), times in sorted(ends.items()))
    print(f"\n{story}: {writes} durable writes, {len(points)} faults; {said}")  # noqa: T201 - the figures of a run
    killed = {code for name, code in ends if Fault[name] in (*KILLS, *CUTS)}
    assert killed == {KILLED}, "a fault did not happen"


def counted(one: Player) -> int:
    """How many durable writes there are, in a run that must be sound by itself."""
    run = one.run(0, Fault.COUNT)
    assert (run["faulty"]["code"], run["after"]["code"]) == (0, 0), run
    writes: int = run["faulty"]["writes"]
    return writes


def planned(story: str, writes: int) -> list[tuple[int, Fault]]:
    """Writes and faults of a run: all, or the first ones, which begin files, and as many as asked for."""
    if not RUNS:
        each = (Fault.EIO, Fault.ENOSPC, *CUTS)
        return [(at, fault) for at in range(1, writes + 1) for fault in (*each, KILLS[at % 2])]
    rng = random.Random(f"{SEED} {story}")
    drawn = sorted(rng.sample(range(1, writes + 1), min(RUNS, writes)))
    return [
        *(
            (at, fault)
            for at in range(1, min(FIRST, writes) + 1)
            for fault in (Fault.EIO, KILLS[at % 2], CUTS[at % 3])
        ),
        *((at, FAULTS[place % len(FAULTS)]) for place, at in enumerate(drawn)),
        *((at, CUTS[place % len(CUTS)]) for place, at in enumerate(drawn)),
    ]


def play(one: Player, points: list[tuple[int, Fault]]) -> Counter[tuple[str, int]]:
    """Play every point; returns how often each fault ended a process how."""
    ends = Counter[tuple[str, int]]()
    for at, fault in points:
        run = one.run(at, fault)
        where = f"{one.story}, write {at}, {fault.name}"
        assert run["faulty"]["code"] != -signal.SIGALRM, f"{where}: hangs"
        assert run["after"]["code"] == 0, f"{where}: {run['faulty']}\n{run['after']['said']}"
        ends[fault.name, run["faulty"]["code"]] += 1
    return ends
