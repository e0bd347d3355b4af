"""Replay: what another bundle would have decided, had it been the active one.

(1) past decisions are read in pages, newest first, each with its canonical input: what policy read of it;
(2) equal inputs are asked once, whatever they were decided by, in batches of at most a thousand,
    two pages at a time;
(3) each past outcome is compared with the new one; differences are grouped by package, action and reason,
    with counts and the ids of a few decisions as examples.

A past denial for want of an answer (`policy_unavailable`) says nothing about rules and is left out. An input
holds what the package could read *then*: a field that the other bundle reads and the active one does not is
missing from it, which is why `Report.new_fields` names such fields.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

from passerelle.clock import Clock
from passerelle_hub.policy.bundle import Bundle
from passerelle_hub.policy.decide import Decider
from passerelle_hub.policy.engine import Engine
from passerelle_hub.policy.model import UNAVAILABLE
from passerelle_hub.policy.outcome import ChangeKind, Difference, Outcome, compare, outcome_of, read_outcome
from passerelle_hub.store.decisions import StoredDecision

EXAMPLES: Final = 3
_AHEAD: Final = 2
"""Pages in flight: one is prepared and read while the engine has the other."""


@dataclass(slots=True)
class Group:
    """Differences of one kind for one reason."""

    kind: ChangeKind
    package: str
    action: str
    why: str
    count: int = 0
    examples: list[str] = field(default_factory=list[str])


@dataclass(slots=True)
class Report:
    """What a replay found. `seconds` covers reading, deciding and comparing."""

    revision: str
    decisions: int = 0
    distinct: int = 0
    left_out: int = 0
    unanswered: int = 0
    seconds: float = 0.0
    new_fields: tuple[str, ...] = ()
    groups: dict[tuple[str, ...], Group] = field(default_factory=dict[tuple[str, ...], Group])

    def count(self, kind: ChangeKind) -> int:
        """How many past decisions differ in one way."""
        return sum(group.count for group in self.groups.values() if group.kind is kind)

    def sorted_groups(self) -> list[Group]:
        """The groups, most consequential kind first, largest first."""
        order = list(ChangeKind)
        return sorted(
            self.groups.values(),
            key=lambda one: (order.index(one.kind), -one.count, one.package, one.action, one.why),
        )

    def note(self, past: StoredDecision, difference: Difference) -> None:
        """Count one difference of one decision."""
        action = str(json.loads(past.input).get("action", "")) if past.input else ""
        key = (difference.kind.value, past.package, action, difference.why)
        group = self.groups.setdefault(key, Group(difference.kind, past.package, action, difference.why))
        group.count += 1
        if len(group.examples) < EXAMPLES:
            group.examples.append(past.decision)

    def as_json(self) -> dict[str, Any]:
        """The report for programs."""
        return {
            "against": self.revision,
            "decisions": self.decisions,
            "distinct_inputs": self.distinct,
            "left_out": self.left_out,
            "unanswered": self.unanswered,
            "seconds": round(self.seconds, 2),
            "fields_never_stored": list(self.new_fields),
            **{kind.value: self.count(kind) for kind in ChangeKind},
            "groups": [
                {
                    "change": group.kind.value,
                    "package": group.package,
                    "action": group.action,
                    "why": group.why,
                    "count": group.count,
                    "examples": group.examples,
                }
                for group in self.sorted_groups()
            ],
        }


def replay(
    pages: Iterable[Sequence[StoredDecision]],
    engine: Engine,
    bundle: Bundle,
    clock: Clock,
    active: Bundle | None,
) -> Report:
    """Decide past inputs again by another bundle and compare.

    Args:
        pages: past decisions; a page is worked off before the next is read.
        engine: an engine over `bundle`.
        active: the bundle that decides now, where there is one, to tell which fields are new.
    """
    began = time.monotonic()
    report = Report(bundle.revision, new_fields=_new_fields(bundle, active))
    decider = Decider(engine, bundle, clock=clock)
    known: dict[bytes, Outcome] = {}
    alike: dict[Outcome, Outcome] = {}  # a hundred thousand inputs have a few dozen outcomes
    running: deque[tuple[list[StoredDecision], Future[dict[bytes, Outcome]]]] = deque()

    def finish() -> None:
        answered, asked = running.popleft()
        known.update((digest, alike.setdefault(one, one)) for digest, one in asked.result().items())
        for past in answered:
            _compare(report, past, known[_digest(past)])  # (3)

    with ThreadPoolExecutor(_AHEAD, "replay") as pool:
        for page in pages:  # (1)
            answered = [past for past in page if UNAVAILABLE not in past.reasons and past.input]
            report.decisions += len(page)
            report.left_out += len(page) - len(answered)
            running.append((answered, pool.submit(_ask, decider, _waiting(answered, known))))  # (2)
            if len(running) > _AHEAD:
                finish()
        while running:
            finish()
    report.distinct = len(known)
    report.seconds = time.monotonic() - began
    return report


def _waiting(page: Sequence[StoredDecision], known: Mapping[bytes, Outcome]) -> dict[bytes, StoredDecision]:
    """One decision for each input that is not decided again yet."""
    digests = ((_digest(past), past) for past in page)
    return {digest: past for digest, past in digests if digest not in known}


def _ask(decider: Decider, waiting: Mapping[bytes, StoredDecision]) -> dict[bytes, Outcome]:
    found: dict[bytes, Outcome] = {}
    for package in {past.package for past in waiting.values()}:
        digests = [digest for digest, past in waiting.items() if past.package == package]
        inputs = [json.loads(waiting[digest].input) for digest in digests]
        answers = decider.decide_batch(package, inputs)
        found.update(zip(digests, map(outcome_of, answers), strict=True))
    return found


def _compare(report: Report, past: StoredDecision, after: Outcome) -> None:
    if any(reason.code == UNAVAILABLE for reason in after.reasons):
        report.unanswered += 1
        return
    before = read_outcome(allow=past.allow, reasons=past.reasons, granted=past.outcome)
    for difference in compare(before, after):
        report.note(past, difference)


def _digest(past: StoredDecision) -> bytes:
    return hashlib.sha256(f"{past.package}\n{past.input}".encode()).digest()


def _new_fields(bundle: Bundle, active: Bundle | None) -> tuple[str, ...]:
    if active is None:
        return ()
    before = active.projections
    return tuple(
        f"{package}: {path}"
        for package, projection in sorted(bundle.projections.items())
        if package in before
        for path in projection.paths
        if path not in before[package].paths
    )
