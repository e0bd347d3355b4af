"""Decisions taken and kept: asks policy, stores every decision, audits it before anything is done.

Every step that needs a permission comes through here, so that there is no effect without a stored
decision id.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final
from weakref import WeakKeyDictionary

from passerelle.clock import Clock
from passerelle.errors import PasserelleError
from passerelle_hub.audit import Audit, EventKind
from passerelle_hub.following import Following
from passerelle_hub.logbook import vouch
from passerelle_hub.policy.bundle import Bundle
from passerelle_hub.policy.decide import Decider
from passerelle_hub.policy.model import UNAVAILABLE, Decision, PolicyRequest
from passerelle_hub.policy.outcome import Outcome, granted_json, outcome_of, reasons_json
from passerelle_hub.shadow import Shadow
from passerelle_hub.store import Transaction, decisions
from passerelle_hub.store.decisions import StoredDecision

_KNOWN: Final = 100_000
"""Decisions that are known to be stored; of more, all are forgotten."""


def unanswered(decision: Decision) -> bool:
    """Whether a denial only means that policy gave no usable answer, and may give one later."""
    return not decision.allow and UNAVAILABLE in decision.reason_codes


class _Kept:
    """Which decisions are stored for good, as far as it was seen: rows that another transaction wrote.

    A transaction's own rows are not yet, since it may come to nothing. Thread-safe.
    """

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._written: WeakKeyDictionary[Transaction, set[str]] = WeakKeyDictionary()

    def missing(self, tx: Transaction, ids: Collection[str]) -> set[str]:
        """Those of some decisions that are not stored; the transaction is about to store them."""
        asked = set(ids) - self._known
        mine = self._written.setdefault(tx, set())
        found = decisions.stored(tx, sorted(asked))
        if len(self._known) > _KNOWN:
            self._known.clear()
        self._known |= found - mine
        new = asked - found
        mine |= new
        return new


class Decisions:
    """The hub's one way to policy."""

    def __init__(
        self,
        decider: Decider,
        audit: Audit,
        clock: Clock,
        following: Following | None = None,
        shadow: Shadow | None = None,
    ) -> None:
        self._decider = decider
        self._audit = audit
        self._clock = clock
        self._following = following
        self._shadow = shadow
        self._kept = _Kept()

    def ask(
        self,
        tx: Transaction,
        package: str,
        requests: Sequence[PolicyRequest],
        actor: str,
        places: Sequence[int] | None = None,
    ) -> list[Decision]:
        """One decision per request, in order; stored and audited in the running transaction.

        Requests that agree in everything the package may read share one decision. Where several things ask
        the same, `places` says for each which request is its own, and gets one decision per thing. Fails
        closed: where policy cannot answer, the decision is a denial with reason `policy_unavailable`.
        """
        if not requests:
            return []
        if self._following is not None:
            self._following.follow(tx)
        bundle = self._decider.bundle
        answers = self._decider.decide_requests(package, requests)
        distinct = {answer.id: (answer, request) for answer, request in zip(answers, requests, strict=True)}
        stored = self._keep(tx, package, distinct)
        if places is not None:
            answers = [answers[place] for place in places]
        self._audit.append(
            tx,
            EventKind.DECISIONS_TAKEN,
            actor,
            vouch=vouch.decisions(stored),
            package=package,
            asked=len(answers),
            denied=sum(not answer.allow for answer in answers),
            decisions=sorted(distinct),
            stored=sorted(row.decision for row in stored),
            revision=answers[0].policy_revision,
        )
        if self._shadow is not None:
            self._shadow.observe(tx, bundle, package, tuple(distinct.values()))
        return answers

    def _keep(
        self, tx: Transaction, package: str, distinct: Mapping[str, tuple[Decision, PolicyRequest]]
    ) -> list[StoredDecision]:
        """Store what is not stored yet, with what policy read of it, so that it can be replayed later.

        A remembered decision may not be: the transaction that first asked may have come to nothing.
        """
        new, now = self._kept.missing(tx, distinct.keys()), self._clock.now()
        rows = [
            StoredDecision(
                decision=answer.id,
                package=package,
                agency=str(request.subject.get("agency", "")),
                allow=answer.allow,
                reasons=reasons_json(outcome_of(answer)),
                input=answer.projected,
                outcome=granted_json(outcome_of(answer)),
                policy_revision=answer.policy_revision,
                data_revision=answer.data_revision,
                decided=now,
            )
            for answer, request in distinct.values()
            if answer.id in new
        ]
        decisions.put(tx, rows)
        return rows

    def foresee(self, package: str, requests: Sequence[PolicyRequest]) -> list[Outcome]:
        """What policy would say of imagined requests; without a stored id, so that nothing may rest on it."""
        return [outcome_of(answer) for answer in self._decider.foresee(package, requests)]

    @property
    def bundle(self) -> Bundle:
        """What is decided by."""
        return self._decider.bundle

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
