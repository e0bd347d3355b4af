"""What one recipient is told: a notification composed from the pair itself and the decision about it.

Everything told of a link is computed from the pair, which the recipient may know; never from other links.
What the decision redacts is left out, what it obliges travels along. A *first dot* (`first_dot`) is a
notification of one of the recipient's own links that says how many agencies hold records of the entity, as
far as the recipient may know; it has no agreements, since it is about more than two records. Nothing is
written here.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import NamedTuple

from passerelle.clock import DAY, Clock
from passerelle.codec.header import decode_marking
from passerelle.notification import (
    DIRECTOR,
    Agreement,
    Band,
    LinkState,
    Notification,
    NotificationKind,
    Relation,
)
from passerelle.query import Question
from passerelle_hub.match.links import ChangedLink
from passerelle_hub.match.score import Score
from passerelle_hub.match.weights import weights
from passerelle_hub.policy.model import Decision, Obligation
from passerelle_hub.registry import Registry
from passerelle_hub.store.records import StoredRecord

ANSWER_WITHIN = 7 * DAY
"""Directive (EU) 2023/977, article 5: the limit for requests that are not urgent."""
ACTIONS = {
    "match": ("confirm", "refute", "request_disclosure"),
    DIRECTOR: ("decide_with_originator",),
    "existence": ("contact_basic_service",),
}
"""What a recipient may do about a link, by how much of it is shown."""


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


class Notices:
    """Composes notifications; each is dated now and has an id of its own."""

    def __init__(
        self, registry: Registry, clock: Clock, random: Callable[[int], bytes] = secrets.token_bytes
    ) -> None:
        self._registry = registry
        self._clock = clock
        self._random = random

    def of_link(self, one: Audience, decision: Decision) -> Notification:
        """What a recipient is told of a link, or of a first dot over it."""
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
            own_records=_own_records(one),
            counterpart=_counterpart(one, named=named),
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
            actions=ACTIONS[visibility],
            obligations=_said(decision.obligations),
            decision_id=decision.id,
            policy_revision=decision.policy_revision,
            weights=link.weights,
            deadline=now + ANSWER_WITHIN,
            contact=self._registry.entry(one.other.agency).name if named else "",
            kind=NotificationKind.FIRST_DOT if one.agencies else NotificationKind.LINK,
            agencies=one.agencies,
            verdict=link.verdict,
        )

    def of_query(self, question: Question, one: FoundByQuery) -> Notification:
        """What the owner of a record that a query found is told."""
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


def _own_records(one: Audience) -> tuple[bytes, ...]:
    return tuple([row.record_id for row in (one.own, one.other) if row.agency == one.agency])


def _counterpart(one: Audience, *, named: bool) -> str:
    if not named:
        return "coordinator"
    if one.role == "director":
        return "+".join(sorted({one.own.agency, one.other.agency} - {one.agency}))
    return one.other.agency


@lru_cache(maxsize=4096)  # thousands of pairs share some evidence
def _agreements(evidence: str) -> tuple[Agreement, ...]:
    return tuple(Agreement(field, level, bits) for field, level, bits in json.loads(evidence))


@lru_cache(maxsize=1024)  # an obligation of one type always has a value of one type
def _said(obligations: tuple[Obligation, ...]) -> tuple[str, ...]:
    return tuple(f"{one.type}={one.value}" for one in obligations)


@cache
def _odds(band: Band) -> str:
    """The odds a band stands for at least, as the weights table states them."""
    return f">={2 ** dict(weights().floors)[band]:.0f}:1"


@lru_cache(maxsize=4096)
def _common(own: tuple[str, ...], theirs: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(set(own) & set(theirs)))
