"""One-off query: hit or no hit.

(1) authenticate: both signatures of a key of the caller's manifest over the exact bytes; this hub, the
    caller's own agency and connector; the protocol of the domain; a time near the hub's;
(2) the id is new: a question is answered once, and a copy of it never;
(3) quota: a question, and its tokens by group, as evaluations are held against them;
(4) policy (`query`, ask): a named person, purpose, legal basis and case, and who may be searched for;
(5) look (`found`);
(6) policy (`query`, hit) for each record found: what of it the asker may know. What it may not know is as if
    it were not there. A query right alone is told once that something exists, however much does;
(7) audit, before the answer exists: who asked for whom by which case, and the records that were told of;
(8) owners are told where policy obliges to (`owner_told`), by a notification of kind `query`;
(9) the answer: signed, of one length. It leaves at the end of a slot (`service`).

One transaction; nothing of the question is kept but its id, for as long as a copy could pass (1). A refusal
by policy uses up id and quota. The answer says nothing of records that the asker may not know of, neither by
content or size nor by its moment; a refusal never depends on what is found.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from passerelle.catalogue import Catalogue
from passerelle.clock import Clock
from passerelle.codec.query import decode_question, encode_answer
from passerelle.errors import PasserelleError
from passerelle.identity import Identity
from passerelle.notification import Agreement, Band
from passerelle.query import ANSWER_TYPE, QUESTION_TYPE, WINDOW, Answer, Hit, Question
from passerelle.record import TOKEN_BYTES
from passerelle.sign import Signed, SigningKey, sign, verify
from passerelle_hub import facts
from passerelle_hub.audit import Audit, EventKind
from passerelle_hub.decisions import Decisions, unanswered
from passerelle_hub.domains import Domains
from passerelle_hub.index import Pepper
from passerelle_hub.logbook.guard import LogGuard
from passerelle_hub.match.links import side
from passerelle_hub.match.score import weights_version
from passerelle_hub.notice import FoundByQuery
from passerelle_hub.notify import Notifier
from passerelle_hub.policy.model import Decision, PolicyRequest
from passerelle_hub.query.found import Found, find
from passerelle_hub.quota import Quota, resource_of, tokens_by_group
from passerelle_hub.registry import Registry
from passerelle_hub.settle import populations
from passerelle_hub.store import Database, Transaction, queries

_TOLD: Final = ("match", "candidate", "existence")


@dataclass(frozen=True, slots=True)
class Desk:
    """What a question is held against: who this hub is, who takes part, what it speaks."""

    hub: Identity
    registry: Registry
    domains: Domains
    catalogue: Catalogue
    pepper: Pepper
    weights: Callable[[Transaction], bytes]
    """Gives the active change of weights."""


class Queries:
    """Answers questions. Blocking; called on a write thread."""

    def __init__(
        self,
        *,
        database: Database,
        desk: Desk,
        decisions: Decisions,
        quota: Quota,
        notifier: Notifier,
        audit: Audit,
        guard: LogGuard,
        key: SigningKey,
        clock: Clock,
    ) -> None:
        self._guard = guard
        self._database = database
        self._desk = desk
        self._decisions = decisions
        self._quota = quota
        self._notifier = notifier
        self._audit = audit
        self._key = key
        self._clock = clock

    def answer(self, signed: Signed, peer: Identity) -> Signed:
        """The signed answer to a signed question.

        Raises:
            PasserelleError: `query_signature_invalid`, `query_stale`, `query_replayed`, `query_denied`,
                `message_malformed`, `batch_epoch_wrong`, `batch_normaliser_wrong`, `record_kind_unknown`,
                `quota_exceeded`, `policy_unavailable`, `database_unavailable`, `log_stale`.
        """
        question = self._authentic(signed, peer)  # (1)
        now = self._clock.now()
        with self._database.write() as tx:
            self._guard.require(tx)
            if not queries.use(tx, peer.agency, question.query_id, now, now - 3 * WINDOW):  # (2)
                raise PasserelleError("query_replayed")
            self._charge(tx, question)  # (3)
            (asked,) = self._decisions.ask(tx, "query", [self._request(question)], str(peer))  # (4)
            if unanswered(asked):
                raise PasserelleError("policy_unavailable", "query")
            answer = self._answered(tx, question, peer, asked) if asked.allow else None
        if answer is None:
            raise PasserelleError("query_denied", ",".join(asked.reason_codes))
        answer = replace(answer, question=hashlib.sha256(signed.payload).digest(), answered=now)
        return sign(self._key, ANSWER_TYPE, encode_answer(answer))  # (9)

    def _authentic(self, signed: Signed, peer: Identity) -> Question:
        desk, now = self._desk, self._clock.now()
        try:
            key = desk.registry.manifest(peer.agency).signing_key(signed.signature.key_id, now)
            raw = verify(signed, key, QUESTION_TYPE)
        except PasserelleError as error:
            raise PasserelleError("query_signature_invalid", error.code) from error
        question = decode_question(raw)
        if (question.agency, question.connector) != (peer.agency, str(peer)):
            raise PasserelleError("query_signature_invalid", "another agency or connector")
        if question.audience != str(desk.hub):
            raise PasserelleError("query_signature_invalid", "another hub")
        if abs(question.created - now) > WINDOW:
            raise PasserelleError("query_stale")
        desk.domains.check(question.domain, question.epoch)
        if (question.normaliser, question.catalogue) != (desk.domains.normaliser, desk.catalogue.version):
            raise PasserelleError("batch_normaliser_wrong", "normaliser or catalogue version")
        self._kinds_known(question)
        return question

    def _kinds_known(self, question: Question) -> None:
        at, size = question.tokens, TOKEN_BYTES
        rows = {(kind, at[n * size : (n + 1) * size]) for n, kind in enumerate(question.kinds)}
        if len(rows) != len(question.kinds):
            raise PasserelleError("message_malformed", "a token twice")
        for number, count in Counter(question.kinds).items():
            kind = self._desk.catalogue.kinds.get(number)
            if kind is None or question.entity not in kind.entities or count > kind.max_values:
                raise PasserelleError("record_kind_unknown", f"kind {number}, {count} tokens")

    def _charge(self, tx: Transaction, question: Question) -> None:
        groups = tokens_by_group(self._desk.catalogue, question.kinds)
        by_group = {resource_of(group): tokens for group, tokens in groups.items()}
        self._quota.charge(tx, question.agency, {"queries": 1, "tokens": sum(groups.values()), **by_group})

    def _request(self, question: Question) -> PolicyRequest:
        tiers = facts.tiers(self._desk.catalogue, question.kinds)
        return facts.query_ask(question, tiers)

    def _answered(self, tx: Transaction, question: Question, peer: Identity, asked: Decision) -> Answer:
        prior = populations(tx, {question.domain}, self._desk.weights(tx))[question.domain]
        found, version = find(tx, question, self._desk.pepper, prior), weights_version(prior)  # (5)
        requests = [
            facts.query_hit(question, side(one.record), facts.tiers(self._desk.catalogue, one.kinds))
            for one in found
        ]
        answers = self._decisions.settled(tx, "query", requests, str(peer))  # (6)
        told = _told([(one, said) for one, said in zip(found, answers, strict=True) if said.allow])
        event = self._audit.append(  # (7)
            tx,
            EventKind.QUERY_ASKED,
            str(peer),
            query=question.query_id.hex(),
            domain=question.domain,
            user=question.user,
            purpose=question.purpose,
            legal_basis=question.legal_basis,
            case=question.case_reference,
            decision=asked.id,
            told=[said.id for _, said in told],
            records=[f"{one.record.agency}/{one.record.record_id.hex()}" for one, _ in told],
        )
        owned = [(one, said) for one, said in told if said.obligation("owner_told")]
        self._notifier.tell_owners(  # (8)
            tx, question, [FoundByQuery(one.record, one.score, said, version) for one, said in owned]
        )
        return Answer(
            hub=str(self._desk.hub),
            agency=question.agency,
            query_id=question.query_id,
            question=b"",
            answered=0,
            hits=tuple(_hit(one, said) for one, said in told),
            more=False,
            decision_id=asked.id,
            policy_revision=asked.policy_revision,
            weights=version,
            audit_event=event,
        )


def _told(allowed: Sequence[tuple[Found, Decision]]) -> list[tuple[Found, Decision]]:
    """Step 6: as allowed, but of what may only be known to exist the best alone."""
    shown = [(one, said) for one, said in allowed if said.obligation("visibility") in _TOLD]
    bare = [pair for pair in shown if pair[1].obligation("visibility") == "existence"]
    return [pair for pair in shown if pair not in bare[1:]]


def _hit(found: Found, said: Decision) -> Hit:
    hidden = frozenset(said.redactions)
    rows = () if "agreements" in hidden else found.score.evidence
    named = said.obligation("counterpart") == "named"
    return Hit(
        counterpart=found.record.agency if named else "coordinator",
        visibility=str(said.obligation("visibility")),
        relation=found.score.relation,
        band=Band.WITHHELD if "band" in hidden else found.score.band,
        agreements=tuple(Agreement(row.field, row.level, row.bits) for row in rows),
        handling=facts.handling(side(found.record)),
        obligations=tuple(f"{item.type}={item.value}" for item in said.obligations),
        decision_id=said.id,
    )
