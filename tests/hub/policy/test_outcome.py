"""Outcomes: stored and read back, and how two of them differ."""

from __future__ import annotations

from dataclasses import replace

import pytest

from passerelle_hub.policy.model import Obligation, Reason
from passerelle_hub.policy.outcome import Outcome, compare, granted_json, read_outcome, reasons_json

ALLOWED = Outcome(
    allow=True,
    grants=("need_to_know",),
    obligations=(Obligation("keep_days_at_most", 180), Obligation("visibility", "match")),
    redactions=("threat_level",),
)
DENIED = Outcome(allow=False, reasons=(Reason("b"), Reason("a", (("tier", "names"),))))


@pytest.mark.parametrize("outcome", [ALLOWED, DENIED])
def test_what_is_stored_is_read_back(outcome: Outcome) -> None:
    again = read_outcome(allow=outcome.allow, reasons=reasons_json(outcome), granted=granted_json(outcome))
    assert again == outcome


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        (ALLOWED, ALLOWED, []),
        (DENIED, DENIED, []),
        (DENIED, replace(DENIED, reasons=(Reason("c"),)), []),
        (DENIED, ALLOWED, [("newly_allowed", "a b")]),
        (ALLOWED, DENIED, [("newly_denied", "a b")]),
        (
            ALLOWED,
            replace(ALLOWED, obligations=(Obligation("visibility", "existence"),)),
            [
                ("obligations_changed", "keep_days_at_most: 180 -> none"),
                ("obligations_changed", 'visibility: "match" -> "existence"'),
            ],
        ),
        (
            ALLOWED,
            replace(ALLOWED, redactions=()),
            [("redactions_changed", "threat_level: no longer withheld")],
        ),
        (replace(ALLOWED, redactions=()), ALLOWED, [("redactions_changed", "threat_level: now withheld")]),
        (replace(ALLOWED, known=False, redactions=()), ALLOWED, []),
    ],
)
def test_each_difference_between_two_outcomes_is_named_by_kind_and_reason(
    before: Outcome, after: Outcome, found: list[tuple[str, str]]
) -> None:
    assert [(one.kind.value, one.why) for one in compare(before, after)] == found
