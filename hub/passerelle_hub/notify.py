"""Notifications: who learns of a link, and what of it, decided per recipient.

(1) the recipients of a link: its two originators; for a link under embargo the director's desk alone;
(2) policy per recipient; what it redacts is left out, what it obliges travels along;
(3) a candidate (names alone) is shown where policy says so and never pushed as a notification;
(4) audit, then sign, seal to the agency's current key, and write under the agency's next number. A recipient
    that is suspended or has no key is passed over, audited as *undeliverable*: it must hold up nobody else;
(5) its *dead letter* names the link. Once it can be told again, who may know what is decided anew, of the
    link as it is by then; what is no longer due lapses.

Everything told of a link is computed from the pair itself, which the recipient may know; never from other
links. A *first dot* (`first_dot`) is a notification of one of the recipient's own links that says how many
agencies hold records of the entity, as far as the recipient may know; it has no agreements, since it is about
more than two records.
Runs inside transaction B; numbers are taken late and in the order of the agencies' names.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import NamedTuple

from passerelle.clock import DAY, Clock
from passerelle.codec.header import decode_marking
from passerelle.codec.notification import encode_notification
from passerelle.errors import PasserelleError
from passerelle.identity import Identity
from passerelle.notification import (
    DIRECTOR,
    Agreement,
    Band,
    LinkState,
    Notification,
    NotificationKind,
    Relation,
)
from passerelle.notification_seal import seal_notifications
from passerelle.query import Question
from passerelle.record import NOTIFICATION_TYPE
from passerelle.seal import SealingPublicKey
from passerelle.sign import SigningKey, sign_many
from passerelle_hub import facts
from passerelle_hub.audit import Audit, EventKind, Note
from passerelle_hub.decisions import Decisions
from passerelle_hub.logbook import vouch
from passerelle_hub.match.links import ChangedLink, side
from passerelle_hub.match.score import Score
from passerelle_hub.match.weights import weights
from passerelle_hub.policy.model import Decision
from passerelle_hub.registry import Registry
from passerelle_hub.store import Transaction, clusters, dead_letters, links, notifications, records
from passerelle_hub.store.links import StoredLink
from passerelle_hub.store.notifications import StoredNotification
from passerelle_hub.store.records import StoredRecord

ACTOR = "hub/notify"
ANSWER_WITHIN = 7 * DAY
"""Directive (EU) 2023/977, article 5: the limit for requests that are not urgent."""
_ACTIONS = {
    "match": ("confirm", "refute", "request_disclosure"),
    DIRECTOR: ("decide_with_originator",),
    "existence": ("contact_basic_service",),
}


class Audience(NamedTuple):
    """One possible recipient of one link; `agencies` is stated by a first dot alone."""

    agency: str
    role: str
    own: StoredRecord
    other: StoredRecord
    change: ChangedLink
    agencies: int = 0


@dataclass(frozen=True, slots=True)
class FoundByQuery:
    """A record that a query found and told of, how well it agrees, and the decision that let it be told.

    `weights`: their version.
    """

    record: StoredRecord
    score: Score
    decision: Decision
    weights: str


class _Parcel(NamedTuple):
    """What one agency is told in one transaction: notifications, each with its link (by key).

    One without a link is about a query.
    """

    agency: str
    sealing: SealingPublicKey
    told: Sequence[tuple[Notification, int | None]]


class Notifier:
    """Writes notifications inside the caller's transaction."""

    def __init__(
        self,
        *,
        hub: Identity,
        director: str,
        registry: Registry,
        decisions: Decisions,
        audit: Audit,
        key: SigningKey,
        clock: Clock,
        random: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._hub = hub
        self._director = director
        self._registry = registry
        self._decisions = decisions
        self._audit = audit
        self._key = key
        self._clock = clock
        self._random = random

    def notify(self, tx: Transaction, changes: Sequence[ChangedLink]) -> int:
        """Tell whoever may know; returns how many notifications were written.

        Raises:
            PasserelleError: `policy_unavailable`; the caller's transaction must not commit.
        """
        return self._decide(tx, [one for change in changes for one in self._audiences(change)])  # (1)

    def deliverable(self, agency: str) -> bool:
        """Whether it takes part and there is a key to seal to."""
        try:
            self._registry.sealing_key(agency)
        except PasserelleError:
            return False
        return True

    def again(self, tx: Transaction, agency: str, limit: int) -> int:
        """Step 5: tell an agency of links it could not be told of; returns how many notifications it wrote.

        Raises:
            PasserelleError: `policy_unavailable`; the caller's transaction must not commit.
        """
        waiting = links.by_key(tx, dead_letters.take(tx, agency, limit))
        taken = [vouch.letter_taken(agency, link.link_id) for link in waiting]
        self._audit.append_many(
            tx, ACTOR, [Note(EventKind.LETTER_TAKEN, {"agency": agency}, one) for one in taken]
        )
        rows = records.by_key(tx, sorted({key for link in waiting for key in (link.low, link.high)}))
        changes = [
            ChangedLink(link, rows[link.low], rows[link.high], opened=False)
            for link in waiting
            if link.state != LinkState.ERASED
        ]
        clusters.note(tx, [link.link_pk for link in waiting])  # a first dot may have waited too
        audiences = [one for change in changes for one in self._audiences(change) if one.agency == agency]
        written = self._decide(tx, audiences)
        if lapsed := len(waiting) - written:
            self._audit.append(tx, EventKind.NOTIFICATION_LAPSED, ACTOR, agency=agency, links=lapsed)
        return written

    def knows(self, tx: Transaction, agency: str, place: ChangedLink) -> bool:
        """Whether an agency is told of a link as it stands; nothing is written.

        Raises:
            PasserelleError: `policy_unavailable`; the caller's transaction must not commit.
        """
        return bool(self._told(tx, [one for one in self._audiences(place) if one.agency == agency]))

    def _decide(self, tx: Transaction, audiences: Sequence[Audience]) -> int:
        """Steps 2 to 4."""
        return self.announce(tx, self._told(tx, audiences))

    def _told(self, tx: Transaction, unordered: Sequence[Audience]) -> list[tuple[Audience, Decision]]:
        """Steps 2 and 3."""
        audiences = sorted(unordered, key=lambda one: (one.agency, one.change.link.link_pk))
        requests = [
            facts.notify(one.agency, one.role, side(one.own), side(one.other), one.change.link.state)
            for one in audiences
        ]
        answers = self._decisions.settled(tx, "notify", requests, ACTOR)  # (2)
        return [
            (one, answer)
            for one, answer in zip(audiences, answers, strict=True)
            if answer.allow and answer.obligation("visibility") in _ACTIONS  # (3)
        ]

    def announce(self, tx: Transaction, told: Sequence[tuple[Audience, Decision]]) -> int:
        """Step 4, for what was decided elsewhere; returns how many notifications were written."""
        ordered = sorted(told, key=lambda item: (item[0].agency, item[0].change.link.link_pk))
        parcels: list[_Parcel] = []
        for agency, items in itertools.groupby(ordered, key=lambda item: item[0].agency):
            due = list(items)
            try:
                sealing = self._registry.sealing_key(agency)
            except PasserelleError as error:
                self._keep(tx, agency, [one.change.link for one, _ in due], error.code)
                continue
            notes = [(self._compose(*one), one[0].change.link.link_pk) for one in due]
            parcels.append(_Parcel(agency, sealing, notes))
        self._send(tx, parcels)
        return sum(len(parcel.told) for parcel in parcels)

    def _keep(self, tx: Transaction, agency: str, waiting: Sequence[StoredLink], code: str) -> None:
        """What an agency cannot be told of waits (5)."""
        self._audit.append_many(
            tx,
            ACTOR,
            [
                Note(
                    EventKind.NOTIFICATION_UNDELIVERABLE,
                    {"agency": agency, "link": link.link_id.hex(), "code": code},
                    vouch.letter(agency, link.link_id),
                )
                for link in waiting
            ],
        )
        for link in waiting:
            dead_letters.put(tx, agency, link.link_pk, self._clock.now(), code)

    def _audiences(self, change: ChangedLink) -> list[Audience]:
        low, high = change.low, change.high
        if change.link.state == LinkState.DIRECTOR_ONLY:
            return [Audience(self._director, "director", low, high, change)]
        return [
            Audience(low.agency, "analyst", low, high, change),
            Audience(high.agency, "analyst", high, low, change),
        ]

    def tell_owners(self, tx: Transaction, question: Question, found: Sequence[FoundByQuery]) -> None:
        """Tell the owners of records that a query found who asked, why, and how well they agree."""
        ordered = sorted(found, key=lambda one: (one.record.agency, one.record.record_pk))
        parcels: list[_Parcel] = []
        for agency, items in itertools.groupby(ordered, key=lambda one: one.record.agency):
            notes = [(self._found(question, one), None) for one in items]
            try:
                sealing = self._registry.sealing_key(agency)
            except PasserelleError as error:
                self._audit.append(
                    tx,
                    EventKind.QUERY_UNTOLD,
                    ACTOR,
                    agency=agency,
                    query=question.query_id.hex(),
                    code=error.code,
                )
                continue
            parcels.append(_Parcel(agency, sealing, notes))
        self._send(tx, parcels)

    def _send(self, tx: Transaction, parcels: Sequence[_Parcel]) -> None:
        """Sign, number, seal, audit and store, in the order of the agencies.

        One signature and one sealed key for all that an agency gets here: it may count them.
        """
        written: list[tuple[StoredNotification, Note]] = []
        for agency, sealing, told in parcels:
            payloads = [encode_notification(note) for note, _ in told]
            signed = sign_many(self._key, NOTIFICATION_TYPE, payloads)
            numbers = notifications.next_sequences(tx, agency, len(told))
            by_number = dict(zip(numbers, signed, strict=True))
            sealed = seal_notifications(sealing, str(self._hub), agency, by_number)
            for number, (note, link_pk), payload in zip(numbers, told, payloads, strict=True):
                row = StoredNotification(
                    agency=agency,
                    sequence=number,
                    link_pk=link_pk,
                    created=note.created,
                    decision=note.decision_id,
                    key_id=sealing.key_id,
                    sealed=sealed[number],
                    about=note.link_id if link_pk is None else None,
                )
                written.append((row, _written(row, note, payload)))
        self._audit.append_many(tx, ACTOR, [note for _, note in written])
        notifications.put(tx, [row for row, _ in written])

    def _compose(self, one: Audience, decision: Decision) -> Notification:
        link = one.change.link
        mine, theirs = decode_marking(one.own.marking), decode_marking(one.other.marking)
        visibility = str(decision.obligation("visibility"))
        hidden = frozenset(decision.redactions)
        named = decision.obligation("counterpart") == "named"
        band = Band.WITHHELD if "band" in hidden else Band(link.band)
        now = self._clock.now()
        return Notification(
            notification_id=self._random(16),
            link_id=link.link_id,
            recipient=one.agency,
            created=now,
            own_records=self._own_records(one),
            counterpart=self._counterpart(one, named=named),
            visibility=visibility,
            relation=Relation(link.relation),
            band=band,
            state=LinkState(link.state),
            agreements=() if "agreements" in hidden or one.agencies else _agreements(link.evidence),
            odds="" if band is Band.WITHHELD else _odds(band),
            handling=theirs.handling.value,
            urgency="routine",
            purposes=_common(mine.purposes, theirs.purposes),
            legal_basis=mine.legal_basis,
            actions=_ACTIONS[visibility],
            obligations=tuple([f"{item.type}={item.value}" for item in decision.obligations]),
            decision_id=decision.id,
            policy_revision=decision.policy_revision,
            weights=link.weights,
            deadline=now + ANSWER_WITHIN,
            contact=self._registry.entry(one.other.agency).name if named else "",
            kind=NotificationKind.FIRST_DOT if one.agencies else NotificationKind.LINK,
            agencies=one.agencies,
            verdict=link.verdict,
        )

    def _found(self, question: Question, one: FoundByQuery) -> Notification:
        return Notification(
            notification_id=self._random(16),
            link_id=question.query_id,
            recipient=one.record.agency,
            created=self._clock.now(),
            own_records=(one.record.record_id,),
            counterpart=question.agency,
            visibility="match",
            relation=one.score.relation,
            band=one.score.band,
            state=LinkState.CANDIDATE,
            agreements=(),
            odds=_odds(one.score.band),
            handling=decode_marking(one.record.marking).handling.value,
            urgency="routine",
            purposes=(question.purpose,),
            legal_basis=question.legal_basis,
            actions=(),
            obligations=(),
            decision_id=one.decision.id,
            policy_revision=one.decision.policy_revision,
            weights=one.weights,
            contact=self._registry.entry(question.agency).name,
            kind=NotificationKind.QUERY,
        )

    def _own_records(self, one: Audience) -> tuple[bytes, ...]:
        return tuple(row.record_id for row in (one.own, one.other) if row.agency == one.agency)

    def _counterpart(self, one: Audience, *, named: bool) -> str:
        if not named:
            return "coordinator"
        if one.role == "director":
            return "+".join(sorted({one.own.agency, one.other.agency} - {one.agency}))
        return one.other.agency


def _written(row: StoredNotification, note: Notification, payload: bytes) -> Note:
    detail = {
        "agency": row.agency,
        "link": note.link_id.hex(),
        "content": hashlib.sha256(payload).hexdigest(),
        "decision": row.decision,
    }
    return Note(EventKind.NOTIFICATION_WRITTEN, detail, vouch.notification(row, note.link_id))


@lru_cache(maxsize=4096)  # thousands of pairs share some evidence
def _agreements(evidence: str) -> tuple[Agreement, ...]:
    return tuple(Agreement(field, level, bits) for field, level, bits in json.loads(evidence))


@cache
def _odds(band: Band) -> str:
    """The odds a band stands for at least, as the weights table states them."""
    return f">={2 ** dict(weights().floors)[band]:.0f}:1"


@lru_cache(maxsize=4096)
def _common(own: tuple[str, ...], theirs: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(set(own) & set(theirs)))
