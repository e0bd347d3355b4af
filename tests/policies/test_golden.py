"""Golden cases: every file under policies/golden gives its expected answer on both engines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from passerelle.clock import ManualClock
from passerelle_hub.policy.bundle import Bundle
from passerelle_hub.policy.decide import Decider
from passerelle_hub.policy.engine import Engine
from passerelle_hub.policy.model import Decision

GOLDEN = Path(__file__).resolve().parents[2] / "policies" / "golden"
PACKAGES = ("admin", "assess", "case", "disclose", "match", "notify", "query", "submission")
RULES = set(range(1, 17))


def cases(package: str) -> list[tuple[str, dict[str, Any]]]:
    return [(path.stem, json.loads(path.read_text("utf-8"))) for path in sorted((GOLDEN / package).iterdir())]


def shown(decision: Decision) -> dict[str, Any]:
    return {
        "allow": decision.allow,
        "grants": list(decision.grants),
        "reasons": [{"code": reason.code, "params": dict(reason.params)} for reason in decision.reasons],
        "obligations": [{"type": one.type, "value": one.value} for one in decision.obligations],
        "redactions": list(decision.redactions),
    }


@pytest.mark.parametrize("package", PACKAGES)
def test_golden_cases(package: str, engine: Engine, bundle: Bundle) -> None:
    alarms: list[str] = []
    decider = Decider(engine, bundle, clock=ManualClock(), alarm=lambda _, detail: alarms.append(detail))
    named = cases(package)
    decisions = decider.decide_batch(package, [case["input"] for _, case in named])
    found = {name: shown(decision) for (name, _), decision in zip(named, decisions, strict=True)}
    assert found == {name: case["expected"] for name, case in named}
    assert alarms == []


def test_match_answers_the_same_whichever_record_stands_first(engine: Engine, bundle: Bundle) -> None:
    decider = Decider(engine, bundle, clock=ManualClock())
    given = [case["input"] for _, case in cases("match")]
    turned = [
        {
            **one,
            "record": one["context"]["counterpart"],
            "context": {**one["context"], "counterpart": one["record"]},
        }
        for one in given
    ]
    answers = (decider.decide_batch("match", some) for some in (given, turned))
    assert all(shown(one) == shown(other) for one, other in zip(*answers, strict=True))


def test_every_package_has_cases(bundle: Bundle) -> None:
    assert bundle.packages == PACKAGES
    assert all(cases(package) for package in PACKAGES)


def test_every_rule_of_the_domain_has_a_case() -> None:
    found = {case["rule"] for package in PACKAGES for _, case in cases(package)} - {None}
    assert found == RULES
