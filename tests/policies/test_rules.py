"""The policies themselves: their Rego tests, the lint, and what no single case shows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from passerelle.clock import ManualClock
from passerelle_hub.policy.bundle import Bundle
from passerelle_hub.policy.decide import Decider
from passerelle_hub.policy.embedded import EmbeddedEngine
from passerelle_hub.policy.engine import Engine
from passerelle_hub.policy.lint import lint_bundle
from passerelle_hub.policy.rego_tests import run_embedded, run_opa

SIDE: dict[str, Any] = {
    "originator": "police",
    "classification": 2,
    "handling": "H0",
    "handling_condition": "",
    "tlp": "amber",
    "releasable_to": [],
    "domain": "ter",
    "purposes": ["counter_terrorism"],
    "embargoed": False,
}


def test_rego_tests_pass_embedded(bundle: Bundle) -> None:
    results = run_embedded(bundle)
    assert len(results) > 290
    assert [item.name for item in results if not item.passed] == []


@pytest.mark.journey
def test_rego_tests_pass_on_opa(bundle: Bundle, opa_binary: Path) -> None:
    results = run_opa(bundle, str(opa_binary))
    assert {item.name for item in results} == {item.name for item in run_embedded(bundle)}
    assert [item.name for item in results if not item.passed] == []


def test_rules_keep_to_the_portable_subset(bundle: Bundle) -> None:
    assert lint_bundle(bundle) == ()


@pytest.mark.parametrize("number", range(1, 17))
def test_each_rule_of_the_domain_is_named_by_a_rego_test(number: int, bundle: Bundle) -> None:
    assert any(re.search(rf"^test_rule_{number}_", module.text, re.MULTILINE) for module in bundle.tests)


def test_match_does_not_depend_on_the_order_of_the_pair(embedded: EmbeddedEngine, bundle: Bundle) -> None:
    decider = Decider(embedded, bundle, clock=ManualClock())
    pairs: list[tuple[dict[str, Any], dict[str, Any]]] = [
        (SIDE, {**SIDE, "originator": "prisons"}),
        (SIDE, {**SIDE, "originator": "prisons", "embargoed": True}),
        (SIDE, {**SIDE, "originator": "transport"}),
        (SIDE, {**SIDE, "originator": "customs", "domain": "lists"}),
        (SIDE, {**SIDE, "originator": "customs", "classification": 4}),
    ]

    def ask(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
        context = {"counterpart": second, "proven_tiers": ["core"]}
        return {"schema": 1, "action": "link", "record": first, "context": context}

    forth = decider.decide_batch("match", [ask(first, second) for first, second in pairs])
    back = decider.decide_batch("match", [ask(second, first) for first, second in pairs])
    assert [one.allow for one in forth] == [True, True, False, False, False]
    assert [(one.allow, one.obligations) for one in forth] == [(one.allow, one.obligations) for one in back]


def test_a_removed_fact_never_turns_a_denial_into_an_allow(engine: Engine, bundle: Bundle) -> None:
    """Fields removed one by one from denied notifications: none of them becomes an allow."""
    decider = Decider(engine, bundle, clock=ManualClock())
    subject = {"agency": "police", "role": "analyst"}
    other = {**SIDE, "originator": "prisons"}
    denied = [
        {**other, "embargoed": True},
        {**other, "tlp": "red"},
        {**other, "releasable_to": ["customs"]},
        {**other, "classification": 5},
        {**other, "purposes": ["sanctions"]},
    ]
    inputs: list[dict[str, Any]] = []
    for counterpart in denied:
        for name in counterpart:
            less = {key: value for key, value in counterpart.items() if key != name}
            context = {"counterpart": less, "link_state": "notified"}
            inputs.append(
                {"schema": 1, "action": "notify", "subject": subject, "record": SIDE, "context": context}
            )
    assert not any(one.allow for one in decider.decide_batch("notify", inputs))
