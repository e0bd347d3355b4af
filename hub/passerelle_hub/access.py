"""Access to what is read: policy package `admin`, quota, audit event, for every call that is no batch.

(1) quota; (2) policy; (3) audit; only then does the caller's step run. A denial is audited too, and leaves
as one code whatever the reason, so that reasons tell nobody what exists.
"""

from __future__ import annotations

from passerelle.clock import Clock
from passerelle.errors import PasserelleError
from passerelle.identity import Identity
from passerelle.rpc.rule import RpcRule
from passerelle_hub import facts
from passerelle_hub.audit import Audit, EventKind, Note
from passerelle_hub.decisions import Decisions
from passerelle_hub.quota import Quota
from passerelle_hub.store import Database


class Access:
    """Asks before anything is read. Blocking; called on a write thread of the hub."""

    def __init__(
        self, *, database: Database, decisions: Decisions, quota: Quota, audit: Audit, clock: Clock
    ) -> None:
        self._database = database
        self._decisions = decisions
        self._quota = quota
        self._audit = audit
        self._clock = clock

    def require(self, peer: Identity, rule: RpcRule, purpose: str = "", **detail: str) -> str:
        """Let the caller through, or not; returns the decision id. `detail` stands in the event too.

        Raises:
            PasserelleError: `quota_exceeded`, `call_denied`.
        """
        with self._database.write() as tx:
            self._quota.charge(tx, peer.agency, {rule.quota: 1})  # (1)
            request = facts.admin(peer.agency, peer.role.value, rule.action, self._clock.now(), purpose)
            decision = self._decisions.ask(tx, rule.package, [request], str(peer))[0]  # (2)
            kind = EventKind(rule.event) if decision.allow else EventKind.CALL_REFUSED
            said = {**detail, "purpose": purpose} if purpose else detail
            event = Note(kind, {**said, "method": rule.method, "decision": decision.id})
            self._audit.append_many(tx, str(peer), [event])  # (3)
        if not decision.allow:
            raise PasserelleError("call_denied", ",".join(decision.reason_codes))
        return decision.id
