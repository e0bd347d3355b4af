"""`passerelle demo`: the whole federation on one machine."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TextIO

from cyclopts import App, Parameter

from passerelle.clock import SystemClock
from passerelle.errors import PasserelleError
from passerelle.log import configure
from passerelle_demo.play import Outcome, play
from passerelle_demo.processes import MemoryWatch, Processes
from passerelle_demo.report import figures, lines
from passerelle_demo.scenario import Scenario, published, synthetic
from passerelle_demo.staging import build

app = App(name="demo", help="Play a federation of agencies on this machine.", result_action="return_value")

POLICIES = Path(__file__).parents[2] / "policies"
Say = Callable[[str], None]


@app.default
def demo(
    *,
    once: bool = False,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
    lists: Annotated[tuple[Path, Path] | None, Parameter(negative="")] = None,
    truth: Path | None = None,
    records: int = 1_600,
    seed: int = 10,
    keep: Path | None = None,
) -> None:
    """Play four fictional agencies with the delicate cases, or two published lists; say what came of it.

    Args:
        once: end when everything is matched; otherwise the federation goes on until interrupted.
        as_json: say the steps on standard error and end with one JSON object on standard output.
        lists: two lists (JSON lines) to play instead, one agency each.
        truth: the pairs of references that are the same, as CSV with a header line.
        records: how many synthetic rows.
        seed: what the synthetic rows are drawn from.
        keep: an empty folder for everything that is made; without it a temporary one is deleted at the end.
    """
    began = time.monotonic()
    if (lists is None) != (truth is None):
        raise PasserelleError("config_invalid", "--lists and --truth belong together")
    say = _speaker(began, sys.stderr if as_json else sys.stdout)
    if lists is None or truth is None:
        scenario = synthetic(records, seed, delicate_at=SystemClock().now())
    else:
        scenario = published(lists, truth)
    say(f"{scenario.title}: {sum(one.records for one in scenario.members)} rows")
    configure("demo", "ERROR")
    with tempfile.TemporaryDirectory(prefix="passerelle-demo-") as scratch:
        folder = keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        with MemoryWatch() as memory:
            outcome = _run(folder, scenario, say, began, once=once)
    for line in lines(scenario, outcome):
        print(line, file=sys.stderr if as_json else sys.stdout)
    if as_json:
        print(json.dumps(figures(scenario, outcome, memory.peak_mb)))
    else:
        print(f"{outcome.finished:.1f} s, {memory.peak_mb:.0f} MB at the peak over all processes")


def _run(folder: Path, scenario: Scenario, say: Say, began: float, *, once: bool) -> Outcome:
    stage = build(folder, scenario, POLICIES, SystemClock())
    say(
        "authorities, keys, registry and shares are laid out; no identifier will leave an agency in the clear"
    )
    with Processes(folder) as processes:
        outcome = asyncio.run(play(stage, scenario, processes, say, began))
        if not once:
            say(f"everything is matched; hub and trustees go on, files in {folder}; end with Ctrl-C")
            _until_interrupted()
    return outcome


def _until_interrupted() -> None:
    try:
        while True:
            time.sleep(1)
    except KeyboardInterrupt:
        return


def _speaker(began: float, stream: TextIO) -> Say:
    def say(text: str) -> None:
        print(f"[{time.monotonic() - began:6.1f} s] {text}", file=stream, flush=True)

    return say
