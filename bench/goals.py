"""The speeds to reach: every line of the project's table, and which figure answers it.

A line is answered by the figures whose names start with one of its beginnings; it is met when all of those
that were judged met their goals, and open while none was measured.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench.figures import Figure


@dataclass(frozen=True, slots=True)
class Goal:
    """One line. `own_run`: the command of the benchmark, where it is too long for `make bench`."""

    line: str
    goal: str
    figures: tuple[str, ...]
    own_run: str = ""


GOALS = (
    Goal(
        "hub ingest on PostgreSQL, everything on",
        ">= 60 % of the bare pipeline",
        ("ingest, PostgreSQL, share",),
    ),
    Goal(
        "hub ingest on PostgreSQL, everything on",
        ">= 5,000 records/s",
        ("ingest, PostgreSQL, everything on",),
    ),
    Goal("growth: rows/s at 50 M tokens to 1 M", ">= 0.8", ("growth",), "make bench-growth"),
    Goal(
        "connector, CPU a token beyond the group operations",
        "<= 15 %",
        ("tokenise, CPU of the connector beyond",),
    ),
    Goal("tokenise, 2 cores, 2 of 3, proofs on", ">= 1,500 tokens/s", ("tokenise, 2 of 3",)),
    Goal("the same with a native back end", ">= 6,000 tokens/s", ("tokenise, native",)),
    Goal(
        "push from tick to notification, 100 connectors, p99",
        "<= 2 bare pushes",
        ("push to 100 connectors, p99 to",),
    ),
    Goal(
        "memory of hub and connector",
        "<= 400 MB each",
        ("memory, hub", "memory, connector"),
        "make bench-memory",
    ),
    Goal("policy, embedded, uncached", ">= 3,000 decisions/s", ("policy, embedded, batches",)),
    Goal("policy, OPA", ">= 10,000 decisions/s", ("policy, OPA",)),
    Goal("first run, address to open", "<= 5 s", ("first run, address",)),
    Goal("first run, first match", "<= 10 s", ("first run, first match",)),
    Goal("first run, installation and demonstration", "<= 3 min", ("first run, installation",)),
    Goal("an element against openmined-psi", "faster", ("per element faster than openmined-psi",)),
)
"""In the order of the design's table."""


def answers(goal: Goal, figures: Iterable[Figure]) -> tuple[Figure, ...]:
    """The figures that answer a line and were measured."""
    return tuple(one for one in figures if one.value is not None and one.name.startswith(goal.figures))


def met(found: Sequence[Figure]) -> bool | None:
    """Whether a line is met; None while nothing judged it."""
    judged = [one.met for one in found if one.met is not None]
    return all(judged) if judged else None


def worst(found: Sequence[Figure]) -> Figure | None:
    """What a line shows: the figure furthest from its goal."""
    falling = [one for one in found if one.goal.startswith("<=")]
    pick = max if falling else min
    return pick(found, key=lambda one: one.value or 0.0, default=None)
