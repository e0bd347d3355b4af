"""First dot: who learns that three agencies or more hold records of one entity.

(1) for each agency with records in a component, ask policy (`notify`) what it may know of each other record
    there, as if that were linked with its own;
(2) its *view*: its own records and those it may know as a match. A record whose originator forbids onward
    sharing, or sets a condition, is in the view of its own links only, never by way of another's record;
(3) put the view into clusters by the same rule as everything (`match.clusters`);
(4) where the cluster of an own record has `AGENCIES` agencies, and none of its own records there was told,
    the agency is told, once: how many agencies, and of the one whose record came last, what policy says.

So all that is told, that it is told at all included, is computed from records that the agency may know: a
hidden record neither makes three nor keeps them apart. Who has a query right alone learns of existence and
never of this. An agency that cannot be told for want of a key is told once it has one (`notify`, step 5).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from passerelle.notification import LinkState
from passerelle_hub import facts
from passerelle_hub.decisions import Decisions
from passerelle_hub.match.clusters import Member, Pair, clusters, pair
from passerelle_hub.match.links import ChangedLink, side
from passerelle_hub.notice import Audience
from passerelle_hub.notify import Notifier
from passerelle_hub.policy.model import Decision
from passerelle_hub.store import Transaction, links
from passerelle_hub.store.clusters import Tie
from passerelle_hub.store.records import StoredRecord

ACTOR: Final = "hub/first-dot"
AGENCIES: Final = 3
_BOUND: Final = ("no_onward_sharing", "condition")
"""Obligations under which a record is told to its own links only."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A component: its records that may be told of, what ties their pairs, its links, who was told before."""

    records: Mapping[int, StoredRecord]
    ties: Mapping[Pair, int]
    links: Collection[Tie]
    told: frozenset[int]


@dataclass(frozen=True, slots=True)
class Dot:
    """One agency to be told: of its record `own`, by the link `link_pk`, of `other`, which came last.

    `mine` are its own records in the cluster.
    """

    own: int
    other: int
    link_pk: int
    agencies: int
    mine: tuple[int, ...]
    decision: Decision


class FirstDots:
    """Finds and tells. Inside the caller's transaction."""

    def __init__(self, decisions: Decisions, notifier: Notifier) -> None:
        self._decisions = decisions
        self._notifier = notifier

    def tell(self, tx: Transaction, scenes: Sequence[Scene]) -> frozenset[int]:
        """Tell whoever is due, of records that the caller has locked; returns the own records told of now.

        Raises:
            PasserelleError: `policy_unavailable`; the caller's transaction must not commit.
        """
        wide = [scene for scene in scenes if are_many(row.agency for row in scene.records.values())]
        asked = [(scene, *two) for scene in wide for two in _pairs(scene, self._notifier)]
        requests = [
            facts.notify(own.agency, "analyst", side(own), side(other), LinkState.NOTIFIED.value)
            for _, own, other in asked
        ]
        answers = self._decisions.settled(tx, "notify", requests, ACTOR)  # (1)
        known: dict[int, dict[int, Decision]] = {}
        for (scene, own, other), answer in zip(asked, answers, strict=True):
            if _in_view(scene, own, other, answer):  # (2)
                known.setdefault(own.record_pk, {})[other.record_pk] = answer
        due = [(scene, dot) for scene in wide for dot in _dots(scene, known)]
        self._notifier.announce(tx, [(_audience(tx, scene, dot), dot.decision) for scene, dot in due])
        return frozenset(key for _, dot in due for key in dot.mine)


def are_many(agencies: Iterable[str]) -> bool:
    """Whether so many agencies can be a first dot."""
    return len(set(agencies)) >= AGENCIES


def _pairs(scene: Scene, notifier: Notifier) -> Iterator[tuple[StoredRecord, StoredRecord]]:
    """Each record whose agency could be told, with each record of another agency."""
    agencies = {row.agency for row in scene.records.values()}
    reachable = {agency for agency in agencies if notifier.deliverable(agency)}
    for own in scene.records.values():
        if own.agency in reachable and own.record_pk not in scene.told:
            yield from ((own, other) for other in scene.records.values() if other.agency != own.agency)


def _in_view(scene: Scene, own: StoredRecord, other: StoredRecord, answer: Decision) -> bool:
    if not answer.allow or answer.obligation("visibility") != "match":
        return False
    bound = any(answer.obligation(kind) for kind in _BOUND)
    return not bound or scene.ties.get(pair(own.record_pk, other.record_pk), 0) > 0


def _dots(scene: Scene, known: Mapping[int, Mapping[int, Decision]]) -> Iterator[Dot]:
    """Steps 3 and 4."""
    told = set(scene.told)
    for key, own in sorted(scene.records.items()):
        others = known.get(key, {})
        view = [row for row in scene.records.values() if row.agency == own.agency or row.record_pk in others]
        members = [Member(row.agency, row.record_id, row.record_pk) for row in view]
        group = next(one for one in clusters(members, scene.ties) if key in one)  # (3)
        agencies = {scene.records[one].agency for one in group}
        mine = tuple(one for one in group if scene.records[one].agency == own.agency)
        if len(agencies) < AGENCIES or not told.isdisjoint(mine):
            continue
        told.update(mine)
        last = max(one for one in group if one not in mine)
        yield Dot(key, last, _through(scene, key, last, group), len(agencies), mine, others[last])  # (4)


def _through(scene: Scene, own: int, last: int, group: Collection[int]) -> int:
    """The own link that the notification names: with the record that came last, else the oldest one."""
    mine = [
        (last not in (tie.low, tie.high), tie.link_pk)
        for tie in scene.links
        if tie.holds and own in (tie.low, tie.high) and {tie.low, tie.high} <= set(group)
    ]
    return min(mine)[1]


def _audience(tx: Transaction, scene: Scene, dot: Dot) -> Audience:
    own, other = scene.records[dot.own], scene.records[dot.other]
    (link,) = links.by_key(tx, [dot.link_pk])
    change = ChangedLink(link, own, other, opened=False)
    return Audience(own.agency, "analyst", own, other, change, dot.agencies)
