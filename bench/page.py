"""What `make bench` writes: `docs/benchmarks.md` for people, `build/bench.json` for programs."""

from __future__ import annotations

import json
import os
import platform
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from bench.figures import SEED, Figure, read
from bench.goals import GOALS, answers, met, worst

from passerelle.oprf.sodium import load

_HEAD = """\
# Benchmarks

What `make bench` measured last. Ratios compare two things measured in turns in the same run; they depend less
on machine and load than absolute figures, those of CPU time least. A run on a busy machine, as the load
below shows, says little about speeds by the clock. More on each line stands at the top of its module in
`bench/`. Figures of runs of their own are those of the last such run on the same machine.
"""
_PACKAGES = ("grpcio", "protobuf", "cryptography", "sqlalchemy", "gordon-to-regorus")


def machine() -> Mapping[str, str]:
    """What the figures were measured on."""
    packages = [f"{name} {version(name)}" for name in _PACKAGES]
    one, five, fifteen = os.getloadavg()
    return {
        "processors": f"{os.cpu_count()} × {_processor()}",
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "load before the run (1, 5, 15 min)": f"{one:.1f} {five:.1f} {fifteen:.1f}",
        "versions": ", ".join(
            (
                f"Python {platform.python_version()}",
                f"SQLite {sqlite3.sqlite_version}",
                f"libsodium from the {load().source}",
                *packages,
            )
        ),
    }


def goal_lines(figures: Sequence[Figure]) -> list[str]:
    """The table of goals, each with the figure that answers it."""
    lines = ["| speed to reach | goal | measured | met | how |", "|---|---|---:|---|---|"]
    for goal in GOALS:
        found = answers(goal, figures)
        one = worst(found)
        value = f"{shown(one.value)} {one.unit}" if one else "not measured yet"
        own = f" (`{goal.own_run}`)" if goal.own_run else ""
        lines.append(f"| {goal.line}{own} | {goal.goal} | {value} | {_MET[met(found)]} | {goal.how} |")
    return lines


def own_runs(root: Path, names: Iterable[str]) -> tuple[Figure, ...]:
    """What these benchmarks wrote last when they ran on their own; others write other files beside."""
    files = [root / "build" / f"bench-{name}.json" for name in names]
    rows = [row for file in files if file.exists() for row in json.loads(file.read_text("utf-8"))]
    return tuple(map(read, rows))


def page(figures: Sequence[Figure], conditions: Mapping[str, str], others: Sequence[Figure] = ()) -> str:
    """The page. `others` come from runs of their own and count where this run has no figure of that name."""
    known = {one.name for one in figures}
    figures = [*figures, *(one for one in others if one.name not in known)]
    facts = {**conditions, "seed": str(SEED)}
    lines = [_HEAD, *(f"- {name}: {value}" for name, value in facts.items()), ""]
    lines += ["## Speeds to reach", "", *goal_lines(figures), "", "## All figures", ""]
    lines += ["| figure | value | unit | goal | met |", "|---|---:|---|---|---|"]
    lines += [
        f"| {one.name} | {shown(one.value)} | {one.unit} | {one.goal} | {_MET[one.met]} |" for one in figures
    ]
    return "\n".join((*lines, ""))


def write(
    root: Path, figures: Sequence[Figure], conditions: Mapping[str, str], others: Sequence[Figure]
) -> None:
    """Write both files below the root of the repository; see `page`."""
    (root / "docs" / "benchmarks.md").write_text(page(figures, conditions, others), "utf-8")
    write_json(root / "build" / "bench.json", figures)


def write_json(path: Path, figures: Sequence[Figure]) -> None:
    """Write the list of figures alone."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps([one.document() for one in figures], indent=1) + "\n", "utf-8")


def shown(value: float | None) -> str:
    """A figure with three significant digits, whole where it is large."""
    if value is None:
        return "not measured yet"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


_MET: Mapping[bool | None, str] = {True: "yes", False: "**no**", None: ""}


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
