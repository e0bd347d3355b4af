"""What a decision came to, in a form that can be stored, compared and put into words.

Two outcomes of one input differ in one of four ways: *newly allowed*, *newly denied*, *obligations changed*,
*redactions changed* (the last two among allows; one input may show both). A denial whose reasons alone
changed is no difference: nobody may do more or less than before.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

from passerelle_hub.policy.model import Decision, Obligation, Reason, Scalar


class ChangeKind(StrEnum):
    """How two outcomes of one input differ."""

    NEWLY_ALLOWED = "newly_allowed"
    NEWLY_DENIED = "newly_denied"
    OBLIGATIONS = "obligations_changed"
    REDACTIONS = "redactions_changed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A decision without its id and revisions. `known` is False where only allow and reasons were stored."""

    allow: bool
    grants: tuple[str, ...] = ()
    reasons: tuple[Reason, ...] = ()
    obligations: tuple[Obligation, ...] = ()
    redactions: tuple[str, ...] = ()
    known: bool = True


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference; `why` is what it is grouped by: reason codes, or what became of an obligation."""

    kind: ChangeKind
    why: str


def outcome_of(decision: Decision) -> Outcome:
    """What a decision came to."""
    return Outcome(
        decision.allow, decision.grants, decision.reasons, decision.obligations, decision.redactions
    )


@lru_cache(maxsize=1024)  # thousands of decisions come to a few outcomes
def reasons_json(outcome: Outcome) -> str:
    """The reasons as stored: a JSON list of codes with parameters."""
    return json.dumps([[reason.code, dict(reason.params)] for reason in outcome.reasons])


@lru_cache(maxsize=1024)
def granted_json(outcome: Outcome) -> str:
    """Grants, obligations and redactions as stored."""
    content = {
        "grants": outcome.grants,
        "obligations": [[item.type, item.value] for item in outcome.obligations],
        "redactions": outcome.redactions,
    }
    return json.dumps(content, sort_keys=True, separators=(",", ":"))


def read_outcome(*, allow: bool, reasons: str, granted: str) -> Outcome:
    """A stored outcome; the inverse of `reasons_json` and `granted_json`."""
    given: Mapping[str, Any] = json.loads(granted) if granted else {}
    return Outcome(
        allow=allow,
        grants=tuple(given.get("grants", ())),
        reasons=tuple(Reason(code, _params(params)) for code, params in json.loads(reasons)),
        obligations=tuple(Obligation(kind, value) for kind, value in given.get("obligations", ())),
        redactions=tuple(given.get("redactions", ())),
        known=bool(granted),
    )


def compare(before: Outcome, after: Outcome) -> tuple[Difference, ...]:
    """How `after` differs from `before`; empty where it does not."""
    if before.allow != after.allow:
        denial = after if before.allow else before
        kind = ChangeKind.NEWLY_DENIED if before.allow else ChangeKind.NEWLY_ALLOWED
        return (Difference(kind, " ".join(sorted({reason.code for reason in denial.reasons}))),)
    if not before.allow or not before.known:
        return ()
    found: list[Difference] = []
    was = {item.type: item.value for item in before.obligations}
    becomes = {item.type: item.value for item in after.obligations}
    found += [
        Difference(ChangeKind.OBLIGATIONS, f"{name}: {_word(was, name)} -> {_word(becomes, name)}")
        for name in sorted(was.keys() | becomes.keys())
        if was.get(name) != becomes.get(name)
    ]
    more, less = (
        set(after.redactions) - set(before.redactions),
        set(before.redactions) - set(after.redactions),
    )
    found += [Difference(ChangeKind.REDACTIONS, f"{name}: now withheld") for name in sorted(more)]
    found += [Difference(ChangeKind.REDACTIONS, f"{name}: no longer withheld") for name in sorted(less)]
    return tuple(found)


def _word(values: Mapping[str, Scalar], name: str) -> str:
    return json.dumps(values[name], ensure_ascii=False) if name in values else "none"


def _params(params: Mapping[str, Scalar]) -> tuple[tuple[str, Scalar], ...]:
    return tuple(sorted(params.items()))
