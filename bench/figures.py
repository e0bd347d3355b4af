"""What a benchmark gives: named figures, most of them ratios taken in one run, with the goals of the project.

`met` is None where a figure has no goal of its own, or where its goal was not measured here.
"""

from __future__ import annotations

import resource
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psutil


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much one run measures; `QUICK` suits a CI job, `FULL` the page of figures."""

    tokenise_batches: int
    ingest_batches: int
    ingest_rounds: int
    ingest_round: int  # batches
    push_rounds: int
    memory_records: tuple[int, ...]
    policy_batches: int
    peer_identifiers: int
    installs: bool


FULL = Sizes(
    tokenise_batches=20,
    ingest_batches=40,
    ingest_rounds=6,
    ingest_round=48,
    push_rounds=40,
    memory_records=(1_000, 10_000, 100_000),
    policy_batches=10,
    peer_identifiers=500,
    installs=True,
)
QUICK = Sizes(
    tokenise_batches=2,
    ingest_batches=4,
    ingest_rounds=1,
    ingest_round=8,
    push_rounds=3,
    memory_records=(1_000,),
    policy_batches=2,
    peer_identifiers=40,
    installs=False,
)
SEED = 20_261_123


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table. `goal` as text with its direction, empty where there is none."""

    name: str
    value: float | None
    unit: str
    goal: str = ""
    met: bool | None = None

    def document(self) -> Mapping[str, object]:
        """As `build/bench.json` holds it."""
        return {
            "name": self.name,
            "value": self.value,
            "unit": self.unit,
            "goal": self.goal or None,
            "met": self.met,
        }


def read(document: Mapping[str, Any]) -> Figure:
    """A figure as `Figure.document` wrote it."""
    fields: dict[str, Any] = dict(document)
    fields["goal"] = fields["goal"] or ""
    return Figure(**fields)


def at_least(name: str, value: float, unit: str, goal: float) -> Figure:
    """A figure that should reach its goal."""
    return Figure(name, value, unit, f">= {goal:g}", value >= goal)


def at_most(name: str, value: float, unit: str, goal: float) -> Figure:
    """A figure that should stay under its goal."""
    return Figure(name, value, unit, f"<= {goal:g}", value <= goal)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of all do not exceed (nearest rank).

    Raises:
        ValueError: there are no values.
    """
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    return ordered[max(0, -(-int(share * 1000) * len(ordered) // 1000) - 1)]


def cpu_seconds(others: Iterable[int] = ()) -> float:
    """CPU time of this process (all threads, user and kernel mode) and of others, by process id."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime + cpu_of(others)


def cpu_of(processes: Iterable[int]) -> float:
    """CPU time of processes, by process id."""
    times = [psutil.Process(one).cpu_times() for one in processes]
    return sum(one.user + one.system for one in times)
