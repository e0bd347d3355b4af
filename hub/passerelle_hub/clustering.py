"""Clusters kept up with links, on the tick: what changed is computed anew, its component and no more.

(1) take changed links, oldest first; whoever changes a link notes it in the same transaction;
(2) follow live links from their records to all that hang together with them, a *component*. One of more than
    `MOST` records is left as it is and counted: where so many records hang together, links say little;
(3) lock the records of each component that a first dot could be found in, by key, and read again what
    changed meanwhile, records and links: whoever sets an embargo, or changes a record so that a link of it
    goes, comes before what is told, or after it;
(4) put each component's records into clusters anew, by the rule of `match.clusters`. A record that is
    embargoed or not active is in none: clusters are told of, and nothing told may depend on it;
(5) tell first dots (`first_dot`); audit, then store what changed.

A cluster follows from records and links alone. So it does not matter in which order they came, running twice
changes nothing, and a withdrawn record or a refuted link splits what it held together. One transaction for at
most `AT_ONCE` changes; one process at a time computes, and reads links only once it may. What fails waits for
the next tick; a change that meets a fault of the hub's own waits ever longer, and others go on (`setbacks`).
Work for one changed link is bounded by `MOST`, however large the index.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from passerelle.codec.header import decode_marking
from passerelle.errors import PasserelleError
from passerelle.log import get_logger
from passerelle_hub.audit import Audit, EventKind
from passerelle_hub.first_dot import FirstDots, Scene, are_many
from passerelle_hub.match.clusters import Member, clusters
from passerelle_hub.match.contradictions import ties_of
from passerelle_hub.match.evidence import Reader
from passerelle_hub.match.weights import weights
from passerelle_hub.setbacks import PASSING, Setbacks, place
from passerelle_hub.store import Database, Transaction, records, recoveries
from passerelle_hub.store import clusters as store
from passerelle_hub.store.clusters import Place, Tie
from passerelle_hub.store.records import StoredRecord

ACTOR: Final = "hub/clusters"
MOST: Final = 64
"""Records of a component that is put into clusters."""
AT_ONCE: Final = 500
_ROUNDS: Final = 64
_LOG: Final = get_logger("clustering")


@dataclass(slots=True)
class Component:
    """Records that hang together by links, and those links; beyond `MOST` keys, only some of either."""

    keys: set[int]
    ties: dict[int, Tie] = field(default_factory=dict[int, Tie])
    """By the link's key."""


class Clustering:
    """Keeps clusters. Blocking; called on the tick of the process that leads."""

    def __init__(self, database: Database, audit: Audit, dots: FirstDots) -> None:
        self._database = database
        self._audit = audit
        self._dots = dots
        self._reader = Reader(weights())
        self._setbacks = Setbacks()

    def catch_up(self) -> int:
        """Work in what changed, at most `_ROUNDS` times; returns how many records changed places."""
        moved = 0
        self._setbacks.beat()
        try:
            for _ in range(_ROUNDS):
                with self._database.read() as tx:
                    news = store.waiting(tx, AT_ONCE, self._setbacks.resting())
                    if not news or recoveries.waiting(tx):
                        break
                moved += self._worked_in(news)
        except Exception as fault:  # noqa: BLE001 - the rest of the tick goes on; the next one tries again
            code = fault.code if isinstance(fault, PasserelleError) else "internal"
            _LOG.error("clustering.failed", code=code, exception_type=type(fault).__name__)
        return moved

    def _worked_in(self, news: Sequence[int]) -> int:
        """One transaction; where it meets a fault of ours, halves, down to the change that does.

        Raises:
            PasserelleError: one of `PASSING`.
        """
        try:
            with self._database.write() as tx:
                moved = self._round(tx, news)
        except Exception as fault:
            code = fault.code if isinstance(fault, PasserelleError) else "internal"
            if code in PASSING:
                raise
            if half := len(news) // 2:
                return self._worked_in(news[:half]) + self._worked_in(news[half:])
            _LOG.error(
                "clustering.failed",
                code="clusters_not_computed",
                detail=f"{code} at {place(fault)}",
                exception_type=type(fault).__name__,
                attempt=self._setbacks.failed(news[0]),
            )
            return 0
        for key in news:
            self._setbacks.finished(key)
        return moved

    def _round(self, tx: Transaction, news: Sequence[int]) -> int:
        store.alone(tx)
        changed = store.take(tx, news)  # (1)
        found = components(tx, changed)  # (2)
        fitting = [one for one in found if len(one.keys) <= MOST]
        keys = sorted(key for one in fitting for key in one.keys)
        rows, before = self._rows(tx, fitting), store.places(tx, keys)
        scenes = [self._scene(tx, one, rows, before) for one in fitting]
        told = self._dots.tell(tx, scenes)  # (5)
        after: dict[int, Place | None] = dict.fromkeys(keys)
        for scene in scenes:
            after |= _places(scene, told | scene.told)
        new = {key: place for key, place in after.items() if place != before.get(key)}
        too_large = len(found) - len(fitting)
        if new or too_large:
            self._audit.append(  # (5)
                tx, EventKind.CLUSTERS_CHANGED, ACTOR, records=len(new), too_large=too_large
            )
        store.put(tx, new)
        return len(new)

    def _rows(self, tx: Transaction, fitting: Sequence[Component]) -> dict[int, StoredRecord]:
        """The records of some components, and step 3."""
        rows = records.by_key(tx, sorted(key for one in fitting for key in one.keys))
        wide = [one for one in fitting if are_many(rows[key].agency for key in one.keys)]
        locked = {key: rows[key] for one in wide for key in one.keys}
        if not records.lock(tx, locked):
            rows |= records.by_key(tx, sorted(locked))
        ties = store.ties(tx, sorted(locked))
        for one in wide:
            one.ties = {tie.link_pk: tie for tie in ties if {tie.low, tie.high} <= one.keys}
        return rows

    def _scene(
        self,
        tx: Transaction,
        component: Component,
        rows: Mapping[int, StoredRecord],
        before: Mapping[int, Place],
    ) -> Scene:
        live = {key: rows[key] for key in sorted(component.keys) if _tellable(rows[key])}
        ties = ties_of(tx, self._reader, list(live.values()), component.ties.values())
        told = frozenset(key for key in live if key in before and before[key].told)
        return Scene(live, ties, component.ties.values(), told)


def _places(scene: Scene, told: frozenset[int]) -> dict[int, Place]:
    """Step 4. A record in no cluster keeps a place of its own as long as it is linked and was told."""
    found: dict[int, Place] = {}
    members = [Member(row.agency, row.record_id, row.record_pk) for row in scene.records.values()]
    for group in clusters(members, scene.ties):
        own = len(group) == 1
        found |= {
            key: Place(min(group), key in told)
            for key in group
            if not own or (key in told and len(members) > 1)
        }
    return found


def components(tx: Transaction, seeds: Sequence[int]) -> list[Component]:
    """Step 2: the components of some records, by their smallest keys."""
    found = {key: Component({key}) for key in seeds}
    apart: dict[int, Tie] = {}
    seen: set[int] = set()
    frontier = set(seeds)
    while frontier:
        seen |= frontier
        reached: set[int] = set()
        for tie in store.ties(tx, sorted(frontier)):
            if not tie.holds:
                apart[tie.link_pk] = tie
                continue
            reached |= {tie.low, tie.high}
            _join(found, tie)
        frontier = {key for key in reached - seen if len(found[key].keys) <= MOST}
    for tie in apart.values():
        if tie.low in found and found[tie.low] is found.get(tie.high):
            found[tie.low].ties[tie.link_pk] = tie
    return sorted(_distinct(found.values()), key=lambda one: min(one.keys))


def _join(found: dict[int, Component], tie: Tie) -> None:
    for key in (tie.low, tie.high):
        if key not in found:
            found[key] = Component({key})
    low, high = found[tie.low], found[tie.high]
    if low is not high:
        small, large = (low, high) if len(low.keys) <= len(high.keys) else (high, low)
        large.keys |= small.keys
        large.ties |= small.ties
        found.update(dict.fromkeys(small.keys, large))
    found[tie.low].ties[tie.link_pk] = tie


def _distinct(some: Iterable[Component]) -> list[Component]:
    return list({id(one): one for one in some}.values())


def _tellable(row: StoredRecord) -> bool:
    return row.state == "active" and not decode_marking(row.marking).embargoed
