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
    """One line. `how` it is measured, in short; `own_run`: its command, where `make bench` leaves it out."""

    line: str
    goal: str
    figures: tuple[str, ...]
    how: str
    own_run: str = ""


_INGEST = (
    "four agencies over mutual TLS to two hub processes until all is settled, told and logged; rounds in"
    " turns with a server of one process that parses, verifies, indexes and stores, on the same PostgreSQL"
)
_TOKENISE = "one connector, three trustee processes over mutual TLS, no value seen before"

GOALS = (
    Goal(
        "hub ingest on PostgreSQL, everything on",
        ">= 60 % of the bare pipeline",
        ("ingest, PostgreSQL, share",),
        _INGEST,
    ),
    Goal(
        "hub ingest on PostgreSQL, everything on",
        ">= 5,000 records/s",
        ("ingest, PostgreSQL, everything on",),
        "the same run, by the clock",
    ),
    Goal(
        "growth: rows/s at 50 M tokens to 1 M",
        ">= 0.8",
        ("growth, rows/s at 50 M",),
        "two databases on one PostgreSQL in turns, 8,000 marks inserted, committed, looked up; median batch"
        " once the large index's pages were touched; the server's memory in huge pages",
        "make bench-growth",
    ),
    Goal(
        "connector, CPU a token beyond the group operations",
        "<= 15 %",
        ("tokenise, CPU of the connector beyond",),
        f"{_TOKENISE}; in turns with the group operations that its tokens need, CPU time",
    ),
    Goal(
        "tokenise, 2 cores, 2 of 3, proofs on",
        ">= 1,500 tokens/s",
        ("tokenise, 2 of 3",),
        f"{_TOKENISE}, by the clock",
    ),
    Goal(
        "the same with a native back end",
        ">= 6,000 tokens/s",
        ("tokenise, native",),
        "the same, where a native group back end is installed",
    ),
    Goal(
        "push from tick to notification, 100 connectors, p99",
        "<= 2 bare pushes",
        ("push to 100 connectors, p99 to",),
        "from the bell to each of 100 arrivals over mutual TLS; rounds in turns with a bare gRPC push, p99 of"
        " all deliveries",
    ),
    Goal(
        "memory of hub and connector",
        "<= 400 MB each",
        ("memory, hub", "memory, connector"),
        "the kernel's peak of each process after one submission, the policy engine's with the hub's",
        "make bench-memory",
    ),
    Goal(
        "policy, embedded, uncached",
        ">= 3,000 decisions/s",
        ("policy, embedded, batches",),
        "batches of 1,000 distinct inputs through the hub's adapter",
    ),
    Goal(
        "policy, OPA",
        ">= 10,000 decisions/s",
        ("policy, OPA",),
        "the same against an OPA server on a Unix socket, two connections",
    ),
    Goal(
        "first run, address to open",
        "<= 5 s",
        ("first run, address",),
        "not timed: there is no console yet, so no address to open",
    ),
    Goal(
        "first run, first match",
        "<= 10 s",
        ("first run, first match",),
        "`passerelle demo --once`, from its start",
    ),
    Goal(
        "first run, installation and demonstration",
        "<= 3 min",
        ("first run, installation",),
        "a fresh environment from the lock, then the demonstration to its end",
    ),
    Goal(
        "an element against openmined-psi",
        "faster",
        ("per element faster than openmined-psi",),
        "the same identifiers of N parties, CPU time of all processes an element",
    ),
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
    """What a line shows: of the figures that were judged, or of all, the one furthest from its goal."""
    judged = [one for one in found if one.met is not None] or list(found)
    falling = [one for one in judged if one.goal.startswith("<=")]
    pick = max if falling else min
    return pick(judged, key=lambda one: one.value or 0.0, default=None)
