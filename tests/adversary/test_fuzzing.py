"""What parses bytes from outside, under coverage-guided fuzzing: no crash, no forgery, no second spelling.

`PASSERELLE_FUZZ_SECONDS` says how long each target runs; `make adversary` gives each 60. The seed is fixed
(`PASSERELLE_FUZZ_SEED`): how far a run comes by it is the machine's.
"""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.adversary]

SECONDS = int(os.environ.get("PASSERELLE_FUZZ_SECONDS", "6"))
SEED = int(os.environ.get("PASSERELLE_FUZZ_SEED", "2026"))
TARGETS = ("wire", "envelope", "certificate", "policy-answer", "manifest", "log", "export")
LEAST = {"export": 3}
"""Inputs a second where one input is a whole export; others manage twenty on the busiest machine."""


@pytest.mark.parametrize("target", TARGETS)
def test_nothing_breaks_and_nothing_is_forged(target: str) -> None:
    if importlib.util.find_spec("atheris") is None:
        pytest.skip("atheris is not installed: it has no wheel for this Python or system")
    path = str(Path(__file__).parents[1] / "support")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "fuzzing",
            target,
            f"-max_total_time={SECONDS}",
            f"-seed={SEED}",
            "-rss_limit_mb=2000",
        ],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=SECONDS + 120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4_000:]
    runs = re.search(r"Done (\d+) runs", done.stderr)
    covered = re.findall(r"cov: (\d+)", done.stderr)
    assert runs is not None
    assert int(runs[1]) > LEAST.get(target, 20) * SECONDS
    assert int(covered[-1]) > 40, "the target was hardly entered"
