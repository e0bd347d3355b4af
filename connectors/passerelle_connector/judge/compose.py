"""Wiring of judgements: for one command, beside a connector that runs or without one."""

from __future__ import annotations

from passerelle.errors import PasserelleError
from passerelle.judgement import JudgementReceipt
from passerelle_connector.compose import opened, own_keys
from passerelle_connector.config import ConnectorSettings
from passerelle_connector.foundation import Foundation
from passerelle_connector.judge.give import Finding, Judge


def build_judge(base: Foundation) -> Judge:
    """Wire the judging over any foundation.

    Raises:
        PasserelleError: `identity_malformed`, `peer_unavailable`.
    """
    if base.ports.judge is None:
        raise PasserelleError("peer_unavailable", "no hub")
    return Judge(
        identity=base.identity,
        signing=own_keys(base).signing,
        peers=base.peers,
        port=base.ports.judge,
        clock=base.environment.clock,
        random=base.environment.random,
    )


async def judge_link(settings: ConnectorSettings, finding: Finding) -> JudgementReceipt:
    """Judge over gRPC, as a configuration describes it.

    Raises:
        PasserelleError: whatever of configuration, keys and entries does not hold; as `Judge.give`.
    """
    async with opened(settings) as base:
        return await build_judge(base).give(finding)
