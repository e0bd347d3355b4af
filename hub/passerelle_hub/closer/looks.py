"""Closer looks: asked where policy allows one, answered by both sides, compared on the tick.

(1) a pair of persons whose bits lie in the grey band, in a domain whose data say `closer_look`, is put to
    policy (`match`, action `look_closer`), which never allows it where one side is embargoed; and both
    agencies must be such that `notify` would tell them of a link: being asked tells an agency that a record
    of its own is like some other;
(2) audit, then the question: a fresh nonce for the pair, for both sides; asked once per pair of revisions;
(3) an answer is taken from the agency whose record it is, once; its tokens are charged like others;
(4) on the tick, pairs with both answers: levels, audit, the tokens are dropped, and the batch of one side is
    matched anew by `settle`, which finds the levels through (5);
(5) a pair's levels count as long as its domain says `closer_look` and both records are those of the question;
(6) questions that nobody answers lapse after `ANSWER_WITHIN`, and the first stage's score stands.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from passerelle.clock import DAY, Clock
from passerelle.closer import NONCE_BYTES, Answer, Question
from passerelle.codec.closer import decode_answer, encode_answer
from passerelle.errors import PasserelleError
from passerelle.groups import Group
from passerelle.identity import Identity
from passerelle.log import get_logger
from passerelle.notification import LinkState
from passerelle_hub import facts
from passerelle_hub.audit import Audit, EventKind, Note
from passerelle_hub.decisions import Decisions
from passerelle_hub.logbook.guard import LogGuard
from passerelle_hub.match.closer import closer_table, levels
from passerelle_hub.match.pairs import Pair
from passerelle_hub.policy.model import PolicyRequest
from passerelle_hub.quota import Quota, resource_of
from passerelle_hub.store import Database, Transaction, closer
from passerelle_hub.store.closer import NewLook
from passerelle_hub.store.records import StoredRecord

ACTOR: Final = "hub/closer"
ANSWER_WITHIN: Final = 7 * DAY
AT_ONCE: Final = 200
"""Questions of one call, and looks compared in one tick."""

MOST_WAITING: Final = 10_000
"""Questions that wait at once; what comes beyond is scored by the first stage alone until it comes again."""

_LOG: Final = get_logger("closer")
Levels = Mapping[str, str]


class Looks:
    """Opens closer looks and knows what they found; inside the caller's transaction."""

    def __init__(
        self,
        decisions: Decisions,
        audit: Audit,
        clock: Clock,
        random: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._decisions = decisions
        self._audit = audit
        self._clock = clock
        self._random = random

    def known(self, tx: Transaction, pairs: Sequence[Pair]) -> Mapping[tuple[int, int], Levels]:
        """Step 5: the levels of those pairs that were looked at; none yet for one that is asked about."""
        here = [_key(pair) for pair in pairs if self.allowed(pair)]
        found = closer.of_pairs(tx, here) if here else {}
        return {key: json.loads(look.levels) if look.levels else {} for key, look in found.items()}

    def ask(self, tx: Transaction, grey: Sequence[tuple[Pair, PolicyRequest]]) -> int:
        """Steps 1 and 2, for allowed pairs that are not known yet; returns how many are asked about."""
        room = MOST_WAITING - closer.count(tx) if grey else 0
        put = [(pair, facts.closer(request)) for pair, request in grey[: max(room, 0)]]
        if not put:
            return 0
        answers = self._decisions.ask(tx, "match", [request for _, request in put], ACTOR)
        told = self._both_told(tx, [pair for pair, _ in put])
        expires = self._clock.now() + ANSWER_WITHIN
        new = [
            NewLook(*_key(pair), self._random(NONCE_BYTES), expires, decision.id)
            for (pair, _), decision, known in zip(put, answers, told, strict=True)
            if decision.allow and known
        ]
        details = ({"look": look.nonce.hex(), "decision": look.decision} for look in new)
        self._audit.append_many(tx, ACTOR, [Note(EventKind.CLOSER_ASKED, detail) for detail in details])
        if new:
            closer.ask(tx, new)
        return len(new)

    def _both_told(self, tx: Transaction, pairs: Sequence[Pair]) -> list[bool]:
        """Per pair, whether both agencies may learn of a link between the two."""
        sides = [(_side(pair.low), _side(pair.high)) for pair in pairs]
        requests = [
            facts.notify(own.originator, "analyst", own, other, LinkState.NOTIFIED)
            for low, high in sides
            for own, other in ((low, high), (high, low))
        ]
        answers = [answer.allow for answer in self._decisions.ask(tx, "notify", requests, ACTOR)]
        return [low and high for low, high in zip(answers[::2], answers[1::2], strict=True)]

    def allowed(self, pair: Pair) -> bool:
        """Whether the pair's domain has closer looks at all; what each pair may is asked of policy."""
        domains: Mapping[str, Mapping[str, object]] = self._decisions.bundle.reference["domains"]
        return domains.get(pair.low.domain, {}).get("closer_look") is True


def _side(row: StoredRecord) -> facts.Side:
    return facts.Side(row.marking, row.agency, row.domain)


def _key(pair: Pair) -> tuple[int, int]:
    return pair.low.record_pk, pair.high.record_pk


class Answers:
    """What connectors are asked and what they answer. Called for a caller that may."""

    def __init__(
        self, *, database: Database, quota: Quota, audit: Audit, guard: LogGuard, clock: Clock
    ) -> None:
        self._database = database
        self._guard = guard
        self._quota = quota
        self._audit = audit
        self._clock = clock

    def questions(self, peer: Identity) -> tuple[Question, ...]:
        """What waits for the caller's agency.

        Raises:
            PasserelleError: `log_stale`: a question tells that a record is like another one.
        """
        with self._database.read() as tx:
            self._guard.require(tx)
            waiting = closer.waiting(tx, peer.agency, self._clock.now(), AT_ONCE)
        return tuple(Question(one.nonce, one.record_id, one.revision) for one in waiting)

    def take(self, peer: Identity, answer: Answer) -> None:
        """Step 3.

        Raises:
            PasserelleError: `closer_question_unknown`, `quota_exceeded`.
        """
        with self._database.write() as tx:
            self._quota.charge(tx, peer.agency, {resource_of(Group.PIECE): answer.tokens})
            look = answer.nonce.hex()
            self._audit.append(tx, EventKind.CLOSER_ANSWERED, str(peer), look=look, fields=len(answer.fields))
            now, packed = self._clock.now(), encode_answer(answer)
            if not closer.answer(tx, peer.agency, answer.nonce, now, packed):
                raise PasserelleError("closer_question_unknown", peer.agency)


class Comparisons:
    """Step 4 and 6, on the tick."""

    def __init__(
        self,
        *,
        database: Database,
        rematch: Callable[[Transaction, Sequence[int]], None],
        audit: Audit,
        clock: Clock,
    ) -> None:
        self._database = database
        self._rematch = rematch
        self._audit = audit
        self._clock = clock

    def compare_all(self) -> int:
        """Compare what both sides have answered, batch by batch, each in a transaction; returns how many."""
        with self._database.read() as tx:
            ready = closer.answered(tx, AT_ONCE)
        return sum(self._compared(batch, nonces) for batch, nonces in ready.items())

    def _compared(self, batch: int, nonces: Sequence[bytes]) -> int:
        try:
            with self._database.write() as tx:
                done = sum(self._compare(tx, nonce) for nonce in nonces)
                if done:
                    self._rematch(tx, [batch])
        except Exception as fault:  # noqa: BLE001 - one batch must not stop the others, nor the tick
            code = fault.code if isinstance(fault, PasserelleError) else "internal"
            _LOG.error("closer.failed", code=code, exception_type=type(fault).__name__)
            return 0
        return done

    def _compare(self, tx: Transaction, nonce: bytes) -> bool:
        look = closer.claim(tx, nonce)
        if look is None:
            return False
        one, other = (decode_answer(packed).fields for packed in (look.low_answer, look.high_answer))
        found = json.dumps(levels(one, other, closer_table()), separators=(",", ":"))
        digest = hashlib.sha256(found.encode()).hexdigest()
        self._audit.append(tx, EventKind.CLOSER_COMPARED, ACTOR, look=nonce.hex(), levels=digest)
        closer.finish(tx, nonce, found)
        return True

    def lapse(self) -> int:
        """Step 6; also forgets looks at records that have changed. Runs as a job."""
        with self._database.write() as tx:
            dropped = closer.lapse(tx, self._clock.now())
            if dropped:
                self._audit.append(tx, EventKind.CLOSER_LAPSED, ACTOR, looks=dropped)
        return dropped
