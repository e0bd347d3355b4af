"""Default deny: every call of the wire contract has a rule with policy, quota and audit event."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest
from google.protobuf.descriptor import FileDescriptor

from passerelle.rpc.rule import RpcRule
from passerelle_hub import calls as hub_calls
from passerelle_hub.audit import MEANING, EventKind, events_page
from passerelle_hub.policy.bundle import load_bundle
from passerelle_pki import calls as pki_calls
from passerelle_trustee import calls as trustee_calls

ROOT = Path(__file__).parents[2]
CONTRACTS = sorted(path.stem for path in (ROOT / "proto/passerelle/wire/v1").glob("*.proto"))
RULES = {**hub_calls.RULES, **trustee_calls.RULES, **pki_calls.RULES}


def methods() -> list[str]:
    found: list[str] = []
    for stem in CONTRACTS:
        descriptor: FileDescriptor = import_module(f"passerelle.wire.v1.{stem}_pb2").DESCRIPTOR
        for service in descriptor.services_by_name.values():
            found += [f"/{service.full_name}/{method.name}" for method in service.methods]
    return found


def test_no_call_without_a_rule_and_no_rule_without_a_call() -> None:
    assert sorted(methods()) == sorted(RULES)


@pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))
def test_every_rule_names_roles_quota_and_event(rule: RpcRule) -> None:
    assert rule.roles
    assert rule.quota
    assert rule.event


@pytest.mark.parametrize("rule", hub_calls.RULES.values(), ids=list(hub_calls.RULES))
def test_every_call_of_the_hub_is_decided_by_policy_and_audited(rule: RpcRule) -> None:
    bundle = load_bundle(ROOT / "policies")
    assert rule.package in bundle.packages
    assert EventKind(rule.event) in MEANING
    if rule.package == "admin":
        assert rule.action in bundle.reference["actions"]


def test_the_wire_comments_state_caller_policy_quota_and_audit() -> None:
    for stem in CONTRACTS:
        lines = (ROOT / f"proto/passerelle/wire/v1/{stem}.proto").read_text("utf-8").splitlines()
        for at, line in enumerate(lines):
            if line.strip().startswith("rpc "):
                comment = " ".join(lines[max(0, at - 6) : at])
                for word in ("May call:", "Policy:", "Quota:", "Audited:"):
                    assert word in comment, f"{stem}.proto:{at + 1} lacks {word}"


def test_the_catalogue_of_events_is_the_codes() -> None:
    assert set(MEANING) == set(EventKind)
    assert (ROOT / "docs/audit-events.md").read_text("utf-8") == events_page()
