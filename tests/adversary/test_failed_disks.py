"""A real process whose disk fails one synchronisation ends at once, and nothing is lost when it starts again.

The federation of `test_kills`: (1) a process is started so that a synchronisation fails once it has written
for a while, while agencies write rows; (2) it ends by itself, with the status that says why; (3) it is
started again, and the stores of all parties are held against each other. `PASSERELLE_FAULT_RUNS=0`: the hub,
then a connector; otherwise the hub alone. A trustee that was away is seldom asked; its ledger fails in
`test_faults`.
"""

from __future__ import annotations

import os
import random
import shutil
import sys
from pathlib import Path

import pytest
from faults import Fault, build, environment
from kill_kit import HUB, Register, federation
from reconcile_kit import LogWitness, hold_together

pytestmark = [pytest.mark.journey, pytest.mark.adversary]

ALL = os.environ.get("PASSERELLE_FAULT_RUNS") == "0"
VICTIMS = ((HUB, 150), ("customs", 60)) if ALL else ((HUB, 150),)
"""Who, and after how many writes: beyond what a start alone writes."""
SECONDS = 120.0


def test_a_process_whose_disk_fails_ends_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which("cc") is None or sys.platform != "linux":
        pytest.skip("no C compiler (Debian: gcc, libc6-dev) on Linux: faults cannot be made")
    library, register = build(tmp_path), Register(random.Random(20261125))
    stage = tmp_path / "stage"
    stage.mkdir()
    with federation(stage) as running:
        witness = LogWitness(running.stage)
        for run, (name, writes) in enumerate(VICTIMS):
            running.kill(name)
            with monkeypatch.context() as armed:
                for key, value in environment(library, stage, writes, Fault.SYNC).items():
                    armed.setenv(key, value)
                running.start(name)  # (1)
            register.write(running.stage, register.step(run, 0, 1))
            assert running.ended(name, SECONDS) == os.EX_IOERR  # (2)
            assert "disk.failed" in (stage / f"{name}.log").read_text("utf-8")
            running.start(name)  # (3)
            hold_together(running.stage, register, witness)
