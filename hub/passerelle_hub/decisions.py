"""Decisions taken and kept: asks policy, stores every decision, audits it before anything is done.

Every step that needs a permission comes through here, so that there is no effect without a stored
decision id.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from passerelle.clock import Clock
from passerelle.errors import PasserelleError
from passerelle_hub.audit import Audit, EventKind
from passerelle_hub.policy.decide import Decider
from passerelle_hub.policy.model import UNAVAILABLE, Decision, PolicyRequest
from passerelle_hub.store import Transaction, decisions
from passerelle_hub.store.decisions import StoredDecision


def unanswered(decision: Decision) -> bool:
    """Whether a denial only means that policy gave no usable answer, and may give one later."""
    return UNAVAILABLE in decision.reason_codes


class Decisions:
    """The hub's one way to policy."""

    def __init__(self, decider: Decider, audit: Audit, clock: Clock) -> None:
        self._decider = decider
        self._audit = audit
        self._clock = clock

    def ask(
        self, tx: Transaction, package: str, requests: Sequence[PolicyRequest], actor: str
    ) -> list[Decision]:
        """One decision per request, in order; stored and audited in the running transaction.

        Requests that agree in everything the package may read share one decision. Fails closed: where
        policy cannot answer, the decision is a denial with reason `policy_unavailable`.
        """
        if not requests:
            return []
        inputs = [request.to_input() for request in requests]
        answers = self._decider.decide_batch(package, inputs)
        distinct = {answer.id: (answer, request) for answer, request in zip(answers, requests, strict=True)}
        now = self._clock.now()
        decisions.put(
            tx,
            [
                StoredDecision(
                    decision=answer.id,
                    package=package,
                    agency=str(request.subject.get("agency", "")),
                    allow=answer.allow,
                    reasons=json.dumps([[reason.code, dict(reason.params)] for reason in answer.reasons]),
                    input=self._canonical(package, request),
                    policy_revision=answer.policy_revision,
                    data_revision=answer.data_revision,
                    decided=now,
                )
                for answer, request in distinct.values()
            ],
        )
        self._audit.append(
            tx,
            EventKind.DECISIONS_TAKEN,
            actor,
            package=package,
            asked=len(requests),
            denied=sum(not answer.allow for answer in answers),
            decisions=sorted(distinct),
            revision=answers[0].policy_revision,
        )
        return answers

    def settled(
        self, tx: Transaction, package: str, requests: Sequence[PolicyRequest], actor: str
    ) -> list[Decision]:
        """As `ask`, for work that can wait: without a usable answer to each request nothing is decided.

        Raises:
            PasserelleError: `policy_unavailable`; the caller's transaction must not commit.
        """
        answers = self.ask(tx, package, requests, actor)
        if any(unanswered(answer) for answer in answers):
            raise PasserelleError("policy_unavailable", f"{package}, {len(answers)} requests")
        return answers

    def _canonical(self, package: str, request: PolicyRequest) -> str:
        """What policy read of a request, so that the decision can be replayed later."""
        projection = self._decider.bundle.projections[package]
        try:
            projected = projection.restore(projection.key(request.to_input()))
        except PasserelleError:
            return ""  # not an input at all; the decision is a denial that says so
        return json.dumps(projected, sort_keys=True, separators=(",", ":"))
