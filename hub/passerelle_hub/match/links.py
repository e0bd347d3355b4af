"""Links: opened, raised, lowered or closed as scores and policy say.

States here: *candidate* (names alone, or policy allows no more), *director_only* (one side is embargoed),
*notified* (both agencies may learn of it), *erased* (nothing supports it any longer). A refuted or
confirmed link keeps its state; people set those.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from passerelle.catalogue import Catalogue
from passerelle.clock import Clock
from passerelle.codec.header import decode_marking
from passerelle.groups import EntityKind
from passerelle.notification import LinkState
from passerelle_hub import facts
from passerelle_hub.audit import Audit, EventKind
from passerelle_hub.decisions import Decisions
from passerelle_hub.index import unpack_kinds
from passerelle_hub.match.pairs import Pair
from passerelle_hub.match.score import Population, Score, Verdict, score
from passerelle_hub.match.weights import WEIGHTS_VERSION
from passerelle_hub.policy.model import Decision, PolicyRequest
from passerelle_hub.store import Transaction, links
from passerelle_hub.store.links import StoredLink
from passerelle_hub.store.records import StoredRecord

ACTOR = "hub/match"
_JUDGED = frozenset({LinkState.CONFIRMED, LinkState.REFUTED, LinkState.UNDER_REVIEW, LinkState.UNDETERMINED})


@dataclass(frozen=True, slots=True)
class ChangedLink:
    """A link that was opened or whose state or band changed, with its two records."""

    link: StoredLink
    low: StoredRecord
    high: StoredRecord
    opened: bool


class Linker:
    """Turns scored pairs into links inside the caller's transaction."""

    def __init__(
        self,
        catalogue: Catalogue,
        decisions: Decisions,
        audit: Audit,
        clock: Clock,
        random: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._catalogue = catalogue
        self._decisions = decisions
        self._audit = audit
        self._clock = clock
        self._random = random

    def link(
        self, tx: Transaction, pairs: Sequence[Pair], touched: Sequence[int], population: Population
    ) -> list[ChangedLink]:
        """Open or change links for the pairs; close links of `touched` records that no pair supports."""
        scored = [(pair, self._score(pair, population)) for pair in pairs]
        worth = [(pair, result) for pair, result in scored if result.verdict is not Verdict.NONE]
        requests = [self._request(pair) for pair, _ in worth]
        answers = self._decisions.settled(tx, "match", requests, ACTOR)
        known = links.of_pairs(tx, touched)
        changed: list[ChangedLink] = []
        supported: set[tuple[int, int, str]] = set()
        for (pair, result), decision in zip(worth, answers, strict=True):
            if not decision.allow:
                continue
            key = (pair.low.record_pk, pair.high.record_pk, result.relation.value)
            supported.add(key)
            new = self._stored(pair, result, decision, known.get(key))
            if change := self._write(tx, new, known.get(key), pair):
                changed.append(change)
        self._close(tx, known, supported)
        return changed

    def _score(self, pair: Pair, population: Population) -> Score:
        return score(
            pair.shared,
            unpack_kinds(pair.low.kinds),
            unpack_kinds(pair.high.kinds),
            EntityKind(pair.low.entity),
            EntityKind(pair.high.entity),
            population,
        )

    def _request(self, pair: Pair) -> PolicyRequest:
        proven = facts.tiers(self._catalogue, (token.kind_id for token in pair.shared))
        return facts.match(record_facts(pair.low), record_facts(pair.high), proven, self._clock.now())

    def _stored(self, pair: Pair, result: Score, decision: Decision, known: StoredLink | None) -> StoredLink:
        state = _state(result, decision)
        if known and LinkState(known.state) in _JUDGED:
            state = LinkState(known.state)
        evidence = [[item.field, item.level, item.bits] for item in result.evidence]
        return StoredLink(
            link_pk=known.link_pk if known else 0,
            link_id=known.link_id if known else self._random(16),
            low=pair.low.record_pk,
            high=pair.high.record_pk,
            relation=result.relation.value,
            state=state.value,
            band=result.band.value,
            bits=result.bits,
            evidence=json.dumps(evidence, separators=(",", ":")),
            weights=WEIGHTS_VERSION,
            decision=decision.id,
            changed=self._clock.now(),
        )

    def _write(
        self, tx: Transaction, new: StoredLink, known: StoredLink | None, pair: Pair
    ) -> ChangedLink | None:
        if known and (known.state, known.band) == (new.state, new.band):
            return None
        kind = EventKind.LINK_CHANGED if known else EventKind.LINK_OPENED
        self._audit.append(
            tx, kind, ACTOR, link=new.link_id.hex(), state=new.state, band=new.band, decision=new.decision
        )
        if known:
            links.change(tx, new)
        else:
            new = replace(new, link_pk=links.open_link(tx, new))
        return ChangedLink(new, pair.low, pair.high, opened=known is None)

    def _close(
        self,
        tx: Transaction,
        known: Mapping[tuple[int, int, str], StoredLink],
        supported: set[tuple[int, int, str]],
    ) -> None:
        for key, link in known.items():
            if key in supported or LinkState(link.state) is LinkState.ERASED:
                continue
            self._audit.append(
                tx, EventKind.LINK_CHANGED, ACTOR, link=link.link_id.hex(), state=LinkState.ERASED.value
            )
            links.change(tx, links.erased(link, self._clock.now()))


def record_facts(row: StoredRecord) -> dict[str, object]:
    """A stored record as policy sees it."""
    return facts.marking_facts(decode_marking(row.marking), row.agency, row.domain)


def _state(result: Score, decision: Decision) -> LinkState:
    if decision.obligation("director_only"):
        return LinkState.DIRECTOR_ONLY
    if result.verdict is Verdict.CANDIDATE or decision.obligation("link_at_most") == "candidate":
        return LinkState.CANDIDATE
    return LinkState.NOTIFIED
