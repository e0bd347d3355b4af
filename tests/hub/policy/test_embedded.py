"""The supervised child: deadlines, kills in mid-call, poison, recovery; never an answer by default."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest
from patience import PATIENCE

from passerelle.clock import ManualClock
from passerelle.errors import PasserelleError
from passerelle_hub.policy.bundle import Bundle, Module
from passerelle_hub.policy.decide import Decider
from passerelle_hub.policy.embedded import EmbeddedEngine
from passerelle_hub.policy.model import UNAVAILABLE

pytestmark = pytest.mark.integration

GOOD = {"action": "good", "subject": "a"}
SLOW = {"action": "slow", "subject": "a"}


def decider_over(engine: EmbeddedEngine, bundle: Bundle, alarms: list[str]) -> Decider:
    return Decider(engine, bundle, clock=ManualClock(), alarm=lambda _, detail: alarms.append(detail))


def test_a_missed_deadline_is_a_denial_and_costs_the_child_its_life(
    odd: Bundle, odd_engine: EmbeddedEngine
) -> None:
    alarms: list[str] = []
    decider = decider_over(odd_engine, odd, alarms)
    before = odd_engine.pids
    began = time.monotonic()
    (slow,) = decider.decide_batch("odd", [SLOW])
    assert time.monotonic() - began < PATIENCE
    assert slow.reason_codes == (UNAVAILABLE,)
    assert alarms == ["policy_engine_down: no answer within 1.0 s"] or "no answer within" in alarms[0]
    assert odd_engine.pids == (None,)
    (good,) = decider.decide_batch("odd", [GOOD])
    assert good.allow
    assert odd_engine.pids != before


def test_killed_in_mid_call(odd: Bundle) -> None:
    engine = EmbeddedEngine(odd, deadline=30.0)
    engine.warm()
    alarms: list[str] = []
    decider = decider_over(engine, odd, alarms)
    (pid,) = engine.pids
    assert pid is not None
    killer = threading.Timer(0.3, os.kill, (pid, signal.SIGKILL))
    killer.start()
    (denied,) = decider.decide_batch("odd", [SLOW])
    killer.join()
    assert denied.reason_codes == (UNAVAILABLE,)
    assert "broke off" in alarms[0]
    assert decider.decide_batch("odd", [GOOD])[0].allow
    assert engine.starts == 2
    engine.close()


def test_poison_denies_only_itself(odd: Bundle, odd_engine: EmbeddedEngine) -> None:
    alarms: list[str] = []
    decider = decider_over(odd_engine, odd, alarms)
    inputs = [{"action": "good", "subject": str(place)} for place in range(9)]
    inputs.insert(4, {"action": "poison", "subject": "not a number"})
    decisions = decider.decide_batch("odd", inputs)
    assert [place for place, one in enumerate(decisions) if not one.allow] == [4]
    assert decisions[4].reason_codes == (UNAVAILABLE,)
    assert len(alarms) == 1
    assert odd_engine.starts == 1


def test_an_unmatched_request_gets_no_answer_and_is_denied(odd: Bundle, odd_engine: EmbeddedEngine) -> None:
    alarms: list[str] = []
    decider = decider_over(odd_engine, odd, alarms)
    good, unknown = decider.decide_batch("odd", [GOOD, {"action": "unheard", "subject": "a"}])
    assert good.allow
    assert unknown.reason_codes == (UNAVAILABLE,)
    assert alarms


def test_two_workers_share_a_large_batch(odd: Bundle) -> None:
    engine = EmbeddedEngine(odd, workers=2)
    requests = {str(place): GOOD for place in range(333)}
    assert engine.evaluate("odd", requests).keys() == requests.keys()
    assert engine.starts == 2
    engine.close()


def test_a_busy_child_is_a_fault_not_a_queue_without_end(odd: Bundle, odd_engine: EmbeddedEngine) -> None:
    faults: list[str] = []

    def ask() -> None:
        try:
            odd_engine.evaluate("odd", {"x": SLOW})
        except PasserelleError as error:
            faults.append(error.code)

    callers = [threading.Thread(target=ask) for _ in range(2)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(timeout=PATIENCE)
    assert faults == ["policy_engine_down"] * 2


def test_a_bundle_that_does_not_parse_is_refused_by_the_child(odd: Bundle) -> None:
    broken = Bundle(
        modules=(Module("odd.rego", "package passerelle.odd\nimport rego.v1\na if {"),),
        tests=(),
        projections=odd.projections,
        input_schemas=odd.input_schemas,
        reference={},
        manifest={},
        policy_revision="p",
        data_revision="d",
    )
    engine = EmbeddedEngine(broken)
    with pytest.raises(PasserelleError) as refused:
        engine.warm()
    assert refused.value.code == "policy_evaluation_failed"
    assert engine.pids == (None,)
    engine.close()


def test_a_closed_engine_refuses(odd: Bundle) -> None:
    engine = EmbeddedEngine(odd)
    engine.close()
    with pytest.raises(PasserelleError):
        engine.evaluate("odd", {"x": GOOD})
