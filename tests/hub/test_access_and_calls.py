"""Reads are asked for, charged and audited; refused calls reach the log without flooding it."""

from __future__ import annotations

import pytest
from hub_kit import HubKit

from passerelle.errors import PasserelleError
from passerelle.identity import Identity, Role
from passerelle.rpc.rule import CallEvent
from passerelle_hub import calls
from passerelle_hub.store import decisions, log_store, quotas


def counts(hub: HubKit) -> dict[str, int]:
    with hub.core.database.read() as tx:
        return log_store.counts(tx)


def test_a_member_reads_the_directory_with_a_decision_an_event_and_a_charge(hub: HubKit) -> None:
    police = hub.agency("police")
    decision = hub.core.access.require(police.identity, calls.AGENCIES)
    assert len(decision) == 32
    assert counts(hub)["directory.read"] == 1
    with hub.core.database.read() as tx:
        assert decisions.count(tx) == 1
        assert quotas.used(tx, "police", "control", hub.clock.now() // 86_400_000_000) == 1


def test_an_agency_that_policy_does_not_know_is_denied_and_the_denial_is_audited(hub: HubKit) -> None:
    stranger = Identity("stranger.example", Role.CONNECTOR, "stranger")
    with pytest.raises(PasserelleError) as refused:
        hub.core.access.require(stranger, calls.AGENCIES)
    assert refused.value.code == "call_denied"
    assert counts(hub)["call.refused"] == 1


def test_refused_calls_are_written_at_the_tick_and_a_flood_is_only_counted(hub: HubKit) -> None:
    peer = hub.agency("police").identity
    for _ in range(1_500):
        hub.core.refused.record(CallEvent("/x/Y", "rpc.refused", peer, "role_not_allowed"))
    hub.core.refused.record(CallEvent("/x/Y", "batch.accepted", peer, "opened"))
    assert "call.refused" not in counts(hub)
    hub.beat()
    assert counts(hub)["call.refused"] == 1_001
    hub.beat()
    assert counts(hub)["call.refused"] == 1_001
