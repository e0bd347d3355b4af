"""The fail-closed adapter, over fake engines: whatever is not exactly the contract is a denial."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from passerelle.clock import SECOND, ManualClock
from passerelle.errors import PasserelleError
from passerelle_hub.policy.bundle import Bundle
from passerelle_hub.policy.decide import Decider
from passerelle_hub.policy.model import INPUT_INVALID, UNAVAILABLE, Decision, PolicyInput, PolicyRequest

READ: dict[str, Any] = {
    "schema": 1,
    "action": "directory.read",
    "subject": {"agency": "police", "role": "connector"},
    "context": {},
}


class FakeEngine:
    """Answers by a function of the input; notes what it was asked."""

    def __init__(self, answer: Callable[[PolicyInput], object]) -> None:
        self.answer = answer
        self.asked: list[Mapping[str, PolicyInput]] = []

    def evaluate(self, package: str, requests: Mapping[str, PolicyInput]) -> Mapping[str, object]:
        self.asked.append(requests)
        return {key: self.answer(given) for key, given in requests.items()}

    def close(self) -> None:
        """Nothing to release."""


def allow(bundle: Bundle, **changes: object) -> dict[str, Any]:
    return {
        "schema": 1,
        "allow": True,
        "grants": ["role"],
        "reasons": [],
        "obligations": [],
        "redactions": [],
        "policy_revision": bundle.policy_revision,
        "data_revision": bundle.data_revision,
        **changes,
    }


def decide_one(bundle: Bundle, raw: object) -> tuple[Decision, list[str]]:
    alarms: list[str] = []
    engine = FakeEngine(lambda _: raw)
    decider = Decider(engine, bundle, clock=ManualClock(), alarm=lambda _, detail: alarms.append(detail))
    return decider.decide_batch("admin", [READ])[0], alarms


def test_an_answer_that_keeps_the_contract(bundle: Bundle) -> None:
    obligations = [{"type": "visibility", "value": "match"}, {"type": "counterpart", "value": "named"}]
    decision, alarms = decide_one(bundle, allow(bundle, obligations=obligations))
    assert decision.allow
    assert decision.obligation("visibility") == "match"
    assert decision.obligation("no_onward_sharing") is None
    assert len(decision.id) == 32
    assert len(decision.input_hash) == 64
    assert alarms == []


def test_a_mistyped_obligation_name_is_an_error(bundle: Bundle) -> None:
    decision, _ = decide_one(bundle, allow(bundle))
    with pytest.raises(KeyError):
        decision.obligation("visibilty")


@pytest.mark.parametrize(
    "changes",
    [
        {"allow": 1},
        {"allow": "true"},
        {"allow": "<undefined>"},
        {"allow": None},
        {"schema": 2},
        {"schema": True},
        {"schema": "1"},
        {"grants": []},
        {"grants": "role"},
        {"grants": [1]},
        {"reasons": [{"code": "x", "params": {}}]},
        {"reasons": [{"code": "", "params": {}}]},
        {"reasons": ["x"]},
        {"reasons": [{"code": "x"}]},
        {"reasons": [{"code": "x", "params": {"deep": []}}]},
        {"obligations": [{"type": "invented", "value": True}]},
        {"obligations": [{"type": "no_onward_sharing", "value": 1}]},
        {"obligations": [{"type": "no_onward_sharing", "value": True, "unless": "asked"}]},
        {"obligations": [{"type": ["visibility"], "value": "match"}]},
        {
            "obligations": [
                {"type": "visibility", "value": "match"},
                {"type": "visibility", "value": "existence"},
            ]
        },
        {"redactions": ["everything"]},
        {"policy_revision": "older"},
        {"data_revision": "older"},
        {"surprise": 1},
        {"allow": False},
    ],
)
def test_anything_else_is_a_denial_and_an_alarm(bundle: Bundle, changes: dict[str, object]) -> None:
    decision, alarms = decide_one(bundle, allow(bundle, **changes))
    assert decision.allow is False
    assert decision.reason_codes == (UNAVAILABLE,)
    assert (decision.grants, decision.obligations) == ((), ())
    assert len(alarms) == 1


@pytest.mark.parametrize("raw", [True, "<undefined>", [], 1, {}, {"allow": True}])
def test_no_object_no_decision(bundle: Bundle, raw: object) -> None:
    decision, alarms = decide_one(bundle, raw)
    assert decision.reason_codes == (UNAVAILABLE,)
    assert len(alarms) == 1


@pytest.mark.parametrize(
    "fault", [PasserelleError("policy_engine_down", "test"), RuntimeError("any"), MemoryError()]
)
def test_whatever_the_engine_raises_is_a_denial(bundle: Bundle, fault: Exception) -> None:
    def answer(_: PolicyInput) -> object:
        raise fault

    alarms: list[str] = []
    decider = Decider(
        FakeEngine(answer), bundle, clock=ManualClock(), alarm=lambda _, detail: alarms.append(detail)
    )
    assert decider.decide_batch("admin", [READ])[0].reason_codes == (UNAVAILABLE,)
    assert alarms


def test_missing_ids_are_denied_alone(bundle: Bundle) -> None:
    class Forgetful(FakeEngine):
        def evaluate(self, package: str, requests: Mapping[str, PolicyInput]) -> Mapping[str, object]:
            answers = dict(super().evaluate(package, requests))
            answers.pop("1")
            return answers

    decider = Decider(Forgetful(lambda _: allow(bundle)), bundle, clock=ManualClock())
    inputs = [{**READ, "action": f"a{place}"} for place in range(3)]
    assert [one.allow for one in decider.decide_batch("admin", inputs)] == [True, False, True]


def test_an_unknown_package_is_denied(bundle: Bundle) -> None:
    decider = Decider(FakeEngine(lambda _: allow(bundle)), bundle, clock=ManualClock())
    assert decider.decide_batch("nowhere", [READ])[0].reason_codes == (UNAVAILABLE,)


def test_equal_projections_are_asked_once_and_share_the_decision(bundle: Bundle) -> None:
    engine = FakeEngine(lambda _: allow(bundle))
    decider = Decider(engine, bundle, clock=ManualClock())
    inputs = [{**READ, "now": place, "record": {"id": str(place)}} for place in range(50)]
    decisions = decider.decide_batch("admin", inputs)
    assert [len(asked) for asked in engine.asked] == [1]
    assert len({one.id for one in decisions}) == 1
    assert len(decisions) == 50


def test_large_batches_are_cut(bundle: Bundle) -> None:
    engine = FakeEngine(lambda _: allow(bundle))
    decider = Decider(engine, bundle, clock=ManualClock())
    decider.decide_batch("admin", [{**READ, "action": f"a{place}"} for place in range(2_100)])
    assert [len(asked) for asked in engine.asked] == [1_000, 1_000, 100]


def test_an_allow_lives_for_seconds(bundle: Bundle) -> None:
    engine = FakeEngine(lambda _: allow(bundle))
    clock = ManualClock()
    decider = Decider(engine, bundle, clock=clock)
    (first,) = decider.decide_batch("admin", [READ])
    clock.advance(30 * SECOND - 1)
    assert decider.decide_batch("admin", [READ])[0].id == first.id
    clock.advance(1)
    assert decider.decide_batch("admin", [READ])[0].id != first.id
    assert len(engine.asked) == 2


def test_a_denial_is_never_remembered(bundle: Bundle) -> None:
    refusal = {"allow": False, "grants": [], "reasons": [{"code": "no_grant", "params": {}}]}
    engine = FakeEngine(lambda _: allow(bundle, **refusal))
    decider = Decider(engine, bundle, clock=ManualClock())
    decider.decide_batch("admin", [READ])
    assert decider.decide_batch("admin", [READ])[0].reason_codes == ("no_grant",)
    assert len(engine.asked) == 2


def test_a_down_engine_denies_a_batch_as_a_whole_and_forgets_nothing(bundle: Bundle) -> None:
    def answer(given: PolicyInput) -> object:
        if given["action"] != READ["action"]:
            raise PasserelleError("policy_engine_down", "test")
        return allow(bundle)

    alarms: list[str] = []
    decider = Decider(
        FakeEngine(answer), bundle, clock=ManualClock(), alarm=lambda _, detail: alarms.append(detail)
    )
    (known,) = decider.decide_batch("admin", [READ])
    both = decider.decide_batch("admin", [READ, {**READ, "action": "log.read"}, {**READ, "schema": 2}])
    assert [one.reason_codes for one in both] == [(UNAVAILABLE,)] * 3
    assert len({one.id for one in (known, *both)}) == 4
    assert alarms == ["policy_engine_down: test"]
    assert decider.decide_batch("admin", [READ]) == [known]


def test_activation_forgets_everything_and_changes_the_revision(bundle: Bundle) -> None:
    engine = FakeEngine(lambda _: allow(bundle))
    decider = Decider(engine, bundle, clock=ManualClock())
    decider.decide_batch("admin", [READ])
    decider.activate(engine, bundle)
    decider.decide_batch("admin", [READ])
    assert len(engine.asked) == 2


@pytest.mark.parametrize(
    "broken",
    [
        {**READ, "schema": 2},
        {**READ, "schema": True},
        {**READ, "subject": {"agency": "Robert'); --", "role": "connector"}},
        {**READ, "subject": {"agency": ["police"], "role": "connector"}},
        {**READ, "context": {"approvals": True}},
        {**READ, "context": {"approvals": float("nan")}},
        {**READ, "context": {"purpose": "p" * 20_000}},
        {**READ, "context": {"purpose": b"bytes"}},
        {"schema": 1},
        {},
    ],
)
def test_a_broken_input_is_denied_without_asking(bundle: Bundle, broken: dict[str, Any]) -> None:
    engine = FakeEngine(lambda _: allow(bundle))
    decider = Decider(engine, bundle, clock=ManualClock())
    good, bad = decider.decide_batch("admin", [READ, broken])
    assert good.allow
    assert bad.reason_codes == (INPUT_INVALID,)
    assert [len(asked) for asked in engine.asked] == [1]


def test_ids_come_from_the_injected_source(bundle: Bundle) -> None:
    decider = Decider(FakeEngine(lambda _: allow(bundle)), bundle, clock=ManualClock(), random=bytes)
    request = PolicyRequest("admin", "directory.read", {"agency": "police", "role": "connector"})
    assert decider.decide(request).id == "00" * 16
