"""One contract, two engines: what both must do when all is well, and when it is not."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest

from passerelle.clock import ManualClock
from passerelle.errors import PasserelleError
from passerelle_hub.policy.bundle import Bundle
from passerelle_hub.policy.decide import Decider
from passerelle_hub.policy.embedded import EmbeddedEngine
from passerelle_hub.policy.engine import Engine
from passerelle_hub.policy.opa import OpaAddress, OpaEngine

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


def test_killed_child_is_a_denial_then_recovers(bundle: Bundle) -> None:
    engine = EmbeddedEngine(bundle)
    alarms: list[str] = []
    decider = Decider(engine, bundle, clock=ManualClock(), alarm=lambda _, detail: alarms.append(detail))
    engine.warm()
    (pid,) = engine.pids
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    (denied,) = decider.decide_batch("admin", [READ])
    assert denied.reason_codes == ("policy_unavailable",)
    assert alarms and alarms[0].startswith("policy_engine_down")
    (allowed,) = decider.decide_batch("admin", [READ])
    assert allowed.allow
    assert engine.starts == 2
    engine.close()


@pytest.mark.journey
def test_killed_server_is_a_denial_then_recovers(opa: tuple[Any, OpaEngine], bundle: Bundle) -> None:
    server, engine = opa
    decider = Decider(engine, bundle, clock=ManualClock())
    server.kill()
    (denied,) = decider.decide_batch("admin", [READ])
    assert denied.reason_codes == ("policy_unavailable",)
    server.start(engine)
    (allowed,) = decider.decide_batch("admin", [READ])
    assert allowed.allow


@pytest.mark.journey
def test_a_server_on_another_revision_is_down(opa: tuple[Any, OpaEngine], bundle: Bundle) -> None:
    server, _ = opa
    engine = OpaEngine(OpaAddress(port=server.port), "another")
    with pytest.raises(PasserelleError) as refused:
        engine.evaluate("admin", {"x": READ})
    assert refused.value.detail == "the server serves another revision"
    (denied,) = Decider(engine, bundle, clock=ManualClock()).decide_batch("admin", [READ])
    assert not denied.allow
    engine.close()
