"""One contract, two engines: what both promise when all is well. When it is not: `test_faults`."""

from __future__ import annotations

from typing import Any

import pytest

from passerelle.clock import ManualClock
from passerelle.errors import PasserelleError
from passerelle_hub.policy.bundle import Bundle
from passerelle_hub.policy.decide import Decider
from passerelle_hub.policy.engine import Engine

READ: dict[str, Any] = {
    "schema": 1,
    "action": "directory.read",
    "subject": {"agency": "police", "role": "connector"},
    "context": {},
}


def test_answers_are_keyed_by_id_and_carry_the_revisions(engine: Engine, bundle: Bundle) -> None:
    answers = engine.evaluate("admin", {"x": READ, "y": {**READ, "action": "agencies.write"}})
    x, y = answers["x"], answers["y"]
    assert isinstance(x, dict)
    assert isinstance(y, dict)
    assert (x["allow"], y["allow"]) == (True, False)
    assert (x["policy_revision"], x["data_revision"]) == (bundle.policy_revision, bundle.data_revision)


def test_no_request_is_no_answer(engine: Engine) -> None:
    assert dict(engine.evaluate("admin", {})) == {}


def test_an_unknown_package_is_a_fault(engine: Engine) -> None:
    with pytest.raises(PasserelleError) as refused:
        engine.evaluate("nowhere", {"x": READ})
    assert refused.value.code in ("policy_engine_down", "policy_evaluation_failed")


def test_an_empty_input_is_denied_by_every_package(engine: Engine, bundle: Bundle) -> None:
    for package in bundle.packages:
        answers = engine.evaluate(package, {"a": {}, "b": {"action": "read"}})
        assert [answer["allow"] for answer in answers.values() if isinstance(answer, dict)] == [False, False]


def test_a_thousand_in_one_call_come_back_under_their_own_ids(engine: Engine, bundle: Bundle) -> None:
    decider = Decider(engine, bundle, clock=ManualClock())
    roles = ("connector", "operator")
    inputs = [
        {**READ, "subject": {"agency": "police", "role": roles[at % 2]}, "context": {"age_days": at}}
        for at in range(1_000)
    ]
    decisions = decider.decide_batch("admin", inputs)
    assert [one.allow for one in decisions] == [at % 2 == 0 for at in range(1_000)]
    assert len({one.id for one in decisions}) == 1_000
