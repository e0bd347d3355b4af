"""Notifications: who learns of a link, and what of it, decided per recipient.

(1) the recipients of a link: its two originators; for a link under embargo the director's desk alone;
(2) policy per recipient; what it redacts is left out, what it obliges travels along;
(3) a candidate (names alone) is shown where policy says so and never pushed as a notification;
(4) audit, then sign, seal to the agency's current key, and write under the agency's next number. A recipient
    that is suspended or has no key is passed over, audited as *undeliverable*: it must hold up nobody else;
(5) its *dead letter* names the link. Once it can be told again, who may know what is decided anew, of the
    link as it is by then; what is no longer due lapses.

What is told is composed by `notice` and written by `posting`. Runs inside transaction B.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from passerelle.clock import Clock
from passerelle.errors import PasserelleError
from passerelle.notification import LinkState
from passerelle.query import Question
from passerelle_hub import facts
from passerelle_hub.audit import Audit, EventKind, Note
from passerelle_hub.decisions import Decisions
from passerelle_hub.logbook import vouch
from passerelle_hub.match.links import ChangedLink, held, side
from passerelle_hub.notice import ACTIONS, Audience, FoundByQuery, Notices
from passerelle_hub.policy.model import Decision
from passerelle_hub.posting import ACTOR, Parcel, Post
from passerelle_hub.registry import Registry
from passerelle_hub.store import Transaction, clusters, dead_letters
from passerelle_hub.store.links import StoredLink


class Notifier:
    """Writes notifications inside the caller's transaction."""

    def __init__(
        self,
        *,
        director: str,
        registry: Registry,
        decisions: Decisions,
        audit: Audit,
        notices: Notices,
        post: Post,
        clock: Clock,
    ) -> None:
        self._director = director
        self._registry = registry
        self._decisions = decisions
        self._audit = audit
        self._notices = notices
        self._post = post
        self._clock = clock

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
        waiting = held(tx, dead_letters.take(tx, agency, limit))
        taken = [vouch.letter_taken(agency, one.link.link_id) for one in waiting]
        self._audit.append_many(
            tx, ACTOR, [Note(EventKind.LETTER_TAKEN, {"agency": agency}, one) for one in taken]
        )
        clusters.note(tx, [one.link.link_pk for one in waiting])  # a first dot may have waited too
        audiences = [
            audience
            for one in waiting
            if one.link.state != LinkState.ERASED
            for audience in self._audiences(one)
            if audience.agency == agency
        ]
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

    def _told(self, tx: Transaction, audiences: Sequence[Audience]) -> list[tuple[Audience, Decision]]:
        """Steps 2 and 3."""
        requests = [
            facts.notify(one.agency, one.role, side(one.own), side(one.other), one.change.link.state)
            for one in audiences
        ]
        answers = self._decisions.settled(tx, "notify", requests, ACTOR)  # (2)
        return [
            (one, answer)
            for one, answer in zip(audiences, answers, strict=True)
            if answer.allow and answer.obligation("visibility") in ACTIONS  # (3)
        ]

    def announce(self, tx: Transaction, told: Sequence[tuple[Audience, Decision]]) -> int:
        """Step 4, for what was decided elsewhere; returns how many notifications were written."""
        ordered = sorted(told, key=lambda item: (item[0].agency, item[0].change.link.link_pk))
        parcels: list[Parcel] = []
        for agency, items in itertools.groupby(ordered, key=lambda item: item[0].agency):
            due = list(items)
            try:
                sealing = self._registry.sealing_key(agency)
            except PasserelleError as error:
                self._keep(tx, agency, [one.change.link for one, _ in due], error.code)
                continue
            notes = [(self._notices.of_link(*one), one[0].change.link.link_pk) for one in due]
            parcels.append(Parcel(agency, sealing, notes))
        self._post.send(tx, parcels)
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
        parcels: list[Parcel] = []
        for agency, items in itertools.groupby(ordered, key=lambda one: one.record.agency):
            notes = [(self._notices.of_query(question, one), None) for one in items]
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
            parcels.append(Parcel(agency, sealing, notes))
        self._post.send(tx, parcels)
