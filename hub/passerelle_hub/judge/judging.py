"""A judgement of a link.

(1) authenticate: both signatures of a key of the caller's manifest over the exact bytes; this hub, the
    caller's own agency and connector; a time near the hub's;
(2) quota, which lets one judgement of an agency through at a time; an id that was not recorded before;
(3) find the link and lock its two records, so that nothing changes it meanwhile. A link that the caller is no
    party to, or that policy (`notify`) does not let it know of as it stands, is as if it were not there;
(4) policy (`case`, judge): a named person, purpose, legal basis and case;
(5) audit, then store the judgement beside those before it;
(6) what both parties said last (`match.judgement`) is the link's state. Where it changed: audit, then the
    link. Clusters follow on the tick, whoever may know the link is told in the ordinary way;
(7) the receipt, signed.

One transaction. What is refused in (3) and (4) uses up quota and stands in the log; `service` lets answers
and refusals leave at the end of a slot alike, so that neither tells of a link the caller may not know of.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from passerelle.clock import Clock
from passerelle.codec.judgement import decode_judgement, encode_receipt
from passerelle.codec.signed import encode_signed
from passerelle.errors import PasserelleError
from passerelle.identity import Identity
from passerelle.judgement import (
    JUDGEMENT_TYPE,
    RECEIPT_TYPE,
    STATES,
    WINDOW,
    Judgement,
    JudgementReceipt,
    Verdict,
)
from passerelle.notification import LinkState
from passerelle.sign import Signed, SigningKey, sign, verify
from passerelle_hub import facts
from passerelle_hub.audit import Audit, EventKind
from passerelle_hub.decisions import Decisions, unanswered
from passerelle_hub.logbook import vouch
from passerelle_hub.match.judgement import agreeing, finding
from passerelle_hub.match.links import ChangedLink, held, side
from passerelle_hub.notify import Notifier
from passerelle_hub.policy.model import Decision
from passerelle_hub.quota import Quota
from passerelle_hub.registry import Registry
from passerelle_hub.store import Database, Transaction, judgements, links
from passerelle_hub.store.judgements import StoredJudgement
from passerelle_hub.store.links import StoredLink


@dataclass(frozen=True, slots=True)
class _Refusal:
    code: str
    detail: str


class Judgements:
    """Takes judgements. Blocking; called on a write thread."""

    def __init__(
        self,
        *,
        hub: Identity,
        database: Database,
        registry: Registry,
        decisions: Decisions,
        quota: Quota,
        notifier: Notifier,
        audit: Audit,
        key: SigningKey,
        clock: Clock,
    ) -> None:
        self._hub = hub
        self._database = database
        self._registry = registry
        self._decisions = decisions
        self._quota = quota
        self._notifier = notifier
        self._audit = audit
        self._key = key
        self._clock = clock

    def judge(self, signed: Signed, peer: Identity) -> Signed:
        """The signed receipt for a signed judgement.

        Raises:
            PasserelleError: `judgement_signature_invalid`, `judgement_stale`, `judgement_replayed`,
                `link_unknown`, `judgement_denied`, `message_malformed`, `quota_exceeded`,
                `policy_unavailable`, `database_unavailable`.
        """
        given = self._authentic(signed, peer)  # (1)
        with self._database.write() as tx:
            self._quota.charge(tx, peer.agency, {"judgements": 1})  # (2)
            if judgements.known(tx, peer.agency, given.judgement_id):
                raise PasserelleError("judgement_replayed")
            done = self._judged(tx, given, signed, peer)
        if isinstance(done, _Refusal):
            raise PasserelleError(done.code, done.detail)
        return sign(self._key, RECEIPT_TYPE, encode_receipt(done))  # (7)

    def _authentic(self, signed: Signed, peer: Identity) -> Judgement:
        now = self._clock.now()
        try:
            key = self._registry.manifest(peer.agency).signing_key(signed.signature.key_id, now)
            raw = verify(signed, key, JUDGEMENT_TYPE)
        except PasserelleError as error:
            raise PasserelleError("judgement_signature_invalid", error.code) from error
        given = decode_judgement(raw)
        if (given.agency, given.connector, given.audience) != (peer.agency, str(peer), str(self._hub)):
            raise PasserelleError("judgement_signature_invalid", "another agency, connector or hub")
        if abs(given.created - now) > WINDOW:
            raise PasserelleError("judgement_stale")
        return given

    def _judged(
        self, tx: Transaction, given: Judgement, signed: Signed, peer: Identity
    ) -> JudgementReceipt | _Refusal:
        place = self._locked(tx, given.link_id)  # (3)
        party = place is not None and peer.agency in (place.low.agency, place.high.agency)
        if place is None or not party or not self._notifier.knows(tx, peer.agency, place):
            return self._refused(tx, given, peer, _Refusal("link_unknown", ""))
        request = facts.judge(given, side(place.low), side(place.high), place.link.state)
        (answer,) = self._decisions.ask(tx, "case", [request], str(peer))  # (4)
        if unanswered(answer):
            raise PasserelleError("policy_unavailable", "case")
        if not answer.allow:
            said = ",".join(answer.reason_codes)
            return self._refused(tx, given, peer, _Refusal("judgement_denied", said), answer.id)
        kept, event = self._keep(tx, given, signed, place, answer)  # (5)
        link, verdict = self._settled(tx, given, place)  # (6)
        return JudgementReceipt(
            hub=str(self._hub),
            agency=given.agency,
            judgement_id=given.judgement_id,
            statement=hashlib.sha256(signed.payload).digest(),
            recorded=kept.recorded,
            link_id=link.link_id,
            state=LinkState(link.state),
            verdict=verdict,
            decision_id=answer.id,
            policy_revision=answer.policy_revision,
            audit_event=event,
        )

    def _locked(self, tx: Transaction, link_id: bytes) -> ChangedLink | None:
        """Step 3: the link and its records as they stand until the transaction ends."""
        found = links.by_id(tx, link_id)
        return held(tx, [found.link_pk])[0] if found else None

    def _refused(
        self, tx: Transaction, given: Judgement, peer: Identity, why: _Refusal, decision: str = ""
    ) -> _Refusal:
        self._audit.append(
            tx,
            EventKind.JUDGEMENT_REFUSED,
            str(peer),
            link=given.link_id.hex(),
            user=given.user,
            case=given.case_reference,
            code=why.code,
            decision=decision,
        )
        return why

    def _keep(
        self, tx: Transaction, given: Judgement, signed: Signed, place: ChangedLink, answer: Decision
    ) -> tuple[StoredJudgement, bytes]:
        link = place.link
        stored = StoredJudgement(
            agency=given.agency,
            judgement_id=given.judgement_id,
            link_pk=link.link_pk,
            verdict=given.verdict.value,
            fields=json.dumps(sorted(agreeing(link.evidence)), separators=(",", ":")),
            decision=answer.id,
            recorded=judgements.next_moment(tx, link.link_pk, self._clock.now()),
            signed=encode_signed(signed),
        )
        event = self._audit.append(
            tx,
            EventKind.LINK_JUDGED,
            given.connector,
            vouch=vouch.judgement(stored, link.link_id),
            link=link.link_id.hex(),
            verdict=given.verdict.value,
            reason=given.reason.value,
            user=given.user,
            purpose=given.purpose,
            legal_basis=given.legal_basis,
            case=given.case_reference,
            decision=answer.id,
        )
        judgements.put(tx, stored)
        return stored, event

    def _settled(self, tx: Transaction, given: Judgement, place: ChangedLink) -> tuple[StoredLink, Verdict]:
        """Step 6; the link from now on. The judgement just given holds, so there is a finding."""
        link = place.link
        standing = judgements.standing(tx, [link.link_pk])[link.link_pk]
        verdict = finding(standing, agreeing(link.evidence)) or given.verdict
        new = link._replace(state=STATES[verdict].value, verdict=verdict.value, changed=self._clock.now())
        if (link.state, link.verdict) == (new.state, new.verdict):
            return link, verdict
        self._audit.append(
            tx,
            EventKind.LINK_CHANGED,
            given.connector,
            vouch=vouch.link(new),
            link=new.link_id.hex(),
            state=new.state,
            verdict=new.verdict,
            band=new.band,
        )
        links.change(tx, new)
        self._notifier.notify(tx, [place._replace(link=new)])
        return new, verdict
