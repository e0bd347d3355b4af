"""Links: opened, raised, lowered or closed as scores and policy say.

States here: *candidate* (names alone, or policy allows no more), *director_only* (one side is embargoed),
*notified* (both agencies may learn of it), *erased* (nothing supports it any longer). Where people judged a
link, what their judgements come to is its state (`judgement`), however it is scored: a refuted link stays so
unless a further field agrees. Embargo goes before judgements, which count again once it ends. A link whose
records are tokenised under two epochs, or left in a closed one, stays as it is: nothing can be compared.
"""

from __future__ import annotations

import json
import secrets
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import astuple, replace
from functools import lru_cache
from typing import NamedTuple

from passerelle.catalogue import Catalogue
from passerelle.clock import Clock
from passerelle.codec.header import decode_marking
from passerelle.judgement import STATES
from passerelle.notification import LinkState, Relation
from passerelle_hub import facts
from passerelle_hub.audit import Audit, EventKind, Note
from passerelle_hub.closer.looks import Looks
from passerelle_hub.decisions import Decisions
from passerelle_hub.logbook import vouch
from passerelle_hub.match.closer import closer_table
from passerelle_hub.match.evidence import FieldEvidence
from passerelle_hub.match.judgement import agreeing, finding
from passerelle_hub.match.paired import Paired
from passerelle_hub.match.pairs import Pair, score_pair
from passerelle_hub.match.population import Population
from passerelle_hub.match.score import Score, Verdict, weights_version
from passerelle_hub.policy.model import Decision, PolicyRequest
from passerelle_hub.store import Transaction, judgements, links, paired, records
from passerelle_hub.store.judgements import Standing
from passerelle_hub.store.links import StoredLink
from passerelle_hub.store.paired import Counted
from passerelle_hub.store.records import StoredRecord

ACTOR = "hub/match"

Known = Mapping[tuple[int, int, str], StoredLink]
"""Links by (low, high, relation)."""


class ChangedLink(NamedTuple):
    """A link that was opened or whose state or band changed, with its two records."""

    link: StoredLink
    low: StoredRecord
    high: StoredRecord
    opened: bool


class _Change(NamedTuple):
    """A link about to be opened or changed for a pair."""

    link: StoredLink
    opened: bool
    pair: Pair


class Linker:
    """Turns scored pairs into links inside the caller's transaction."""

    def __init__(
        self,
        catalogue: Catalogue,
        decisions: Decisions,
        audit: Audit,
        clock: Clock,
        looks: Looks | None = None,
        random: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._looks = looks
        self._catalogue = catalogue
        self._decisions = decisions
        self._audit = audit
        self._clock = clock
        self._random = random

    def link(
        self,
        tx: Transaction,
        pairs: Sequence[Pair],
        known: Known,
        populations: Mapping[str, Population],
        first: Sequence[int] = (),
        aside: Collection[int] = (),
    ) -> list[ChangedLink]:
        """Open or change links for the pairs; close those `known` that no pair supports.

        `known` are all links of the records that are matched; nobody changes them meanwhile.
        `populations` are those of the pairs' domains. Of the batches in `first`, which are matched for the
        first time, it is kept what their pairs show of them. Links with records of the batches that stand
        `aside` stay as they are: no pair was looked for there.
        """
        populations = {domain: self._by_policy(domain, one) for domain, one in populations.items()}
        looked: Mapping[tuple[int, int], Mapping[str, str]] = {}
        if self._looks is not None:
            looked = self._looks.known(tx, pairs)
        scored = [
            (pair, score_pair(pair, populations[pair.low.domain], looked.get(_ends(pair)))) for pair in pairs
        ]
        worth = [(pair, result) for pair, result in scored if result.verdict is not Verdict.NONE]
        requests = [self._request(pair) for pair, _ in worth]
        answers = self._decisions.settled(tx, "match", requests, ACTOR)
        judged = judgements.standing(tx, [link.link_pk for link in known.values()])
        versions = {domain: weights_version(one) for domain, one in populations.items()}
        changed: list[_Change] = []
        supported: set[tuple[int, int, str]] = set()
        for (pair, result), decision in zip(worth, answers, strict=True):
            if not decision.allow:
                continue
            key = (pair.low.record_pk, pair.high.record_pk, result.relation.value)
            supported.add(key)
            old = known.get(key)
            said = judged.get(old.link_pk, ()) if old else ()
            new = self._stored(pair, result, decision, old, versions[pair.low.domain], said)
            if old is None or _said(old) != _said(new):
                changed.append(_Change(new, old is None, pair))
        written = self._write(tx, changed)
        self._close(tx, known, supported, aside)
        self._look(tx, scored, looked.keys())
        if first:
            self._count(tx, scored, first)
        return written

    def _by_policy(self, domain: str, population: Population) -> Population:
        """With what the domain's data say of households (`match.kin`, rule 3)."""
        domains: Mapping[str, Mapping[str, object]] = self._decisions.bundle.reference["domains"]
        said = domains.get(domain, {}).get("no_households")
        return replace(population, no_households=said if isinstance(said, bool) else None)

    def _count(self, tx: Transaction, scored: Sequence[tuple[Pair, Score]], first: Sequence[int]) -> None:
        """What pairs under no embargo show of their domains."""
        shown = {domain: Paired(records) for domain, records in paired.new(tx, first).items()}
        open_pairs = (
            (pair.low.domain, result.shows)
            for pair, result in scored
            if not (_embargoed(pair.low) or _embargoed(pair.high))
        )
        for (domain, shows), times in Counter(open_pairs).items():
            shown[domain] = shown.get(domain, Paired()) + shows.times(times)
        paired.add(tx, {domain: Counted(*astuple(one)) for domain, one in shown.items()})

    def _look(
        self, tx: Transaction, scored: Sequence[tuple[Pair, Score]], looked: Collection[tuple[int, int]]
    ) -> None:
        """Ask for a closer look at pairs in the grey band that none was taken at."""
        if self._looks is None:
            return
        grey = [
            (pair, self._request(pair))
            for pair, result in scored
            if self._looks.allowed(pair)
            and result.relation is Relation.SAME_PERSON
            and closer_table().is_grey(result.bits)
            and _ends(pair) not in looked
        ]
        self._looks.ask(tx, grey)

    def _request(self, pair: Pair) -> PolicyRequest:
        proven = facts.tiers(self._catalogue, (token.kind_id for token in pair.shared))
        return facts.match(side(pair.low), side(pair.high), proven)

    def _stored(
        self,
        pair: Pair,
        result: Score,
        decision: Decision,
        known: StoredLink | None,
        version: str,
        judged: Sequence[Standing],
    ) -> StoredLink:
        evidence = _evidence(result.evidence)
        state, verdict = _state(result, decision), None
        if judged and state is not LinkState.DIRECTOR_ONLY:
            verdict = finding(judged, agreeing(evidence))
            state = STATES[verdict] if verdict else state
        return StoredLink(
            link_pk=known.link_pk if known else 0,
            link_id=known.link_id if known else self._random(16),
            low=pair.low.record_pk,
            high=pair.high.record_pk,
            relation=result.relation.value,
            state=state.value,
            band=result.band.value,
            bits=result.bits,
            evidence=evidence,
            weights=version,
            decision=decision.id,
            changed=self._clock.now(),
            verdict=verdict.value if verdict else "",
        )

    def _write(self, tx: Transaction, changes: Sequence[_Change]) -> list[ChangedLink]:
        """Audit, then store, in the order of the pairs."""
        self._audit.append_many(tx, ACTOR, [_note(change) for change in changes])
        opened = iter(links.open_links(tx, [change.link for change in changes if change.opened]))
        written: list[ChangedLink] = []
        for change in changes:
            if not change.opened:
                links.change(tx, change.link)
            link = next(opened) if change.opened else change.link
            written.append(ChangedLink(link, change.pair.low, change.pair.high, change.opened))
        return written

    def _close(
        self,
        tx: Transaction,
        known: Known,
        supported: set[tuple[int, int, str]],
        aside: Collection[int],
    ) -> None:
        lost = {
            key: link
            for key, link in known.items()
            if key not in supported and LinkState(link.state) is not LinkState.ERASED
        }
        ends = records.by_key(tx, sorted({end for low, high, _ in lost for end in (low, high)}))
        for (low, high, _), link in lost.items():
            if not _comparable(ends.get(low), ends.get(high), aside):
                continue
            erased = links.erased(link, self._clock.now())
            self._audit.append(
                tx,
                EventKind.LINK_CHANGED,
                ACTOR,
                vouch=vouch.link(erased),
                link=link.link_id.hex(),
                state=LinkState.ERASED.value,
            )
            links.change(tx, erased)


def held(tx: Transaction, keys: Sequence[int]) -> list[ChangedLink]:
    """Links (by key) with their records, none of which anybody changes until the transaction ends."""
    while True:
        found = links.by_key(tx, keys)
        rows = records.by_key(tx, sorted({end for link in found for end in (link.low, link.high)}))
        if records.lock(tx, rows):  # by now a link may be another one, its records are those that were read
            return [
                ChangedLink(link, rows[link.low], rows[link.high], opened=False)
                for link in links.by_key(tx, keys)
            ]


def side(row: StoredRecord) -> facts.Side:
    """A stored record as policy knows it."""
    return facts.Side(row.marking, row.agency, row.domain)


@lru_cache(maxsize=4096)
def _evidence(rows: tuple[FieldEvidence, ...]) -> str:
    """As it is stored: a JSON list of field, level and bits."""
    return json.dumps(rows, separators=(",", ":"))


def _embargoed(row: StoredRecord) -> bool:
    return decode_marking(row.marking).embargoed


def _ends(pair: Pair) -> tuple[int, int]:
    return pair.low.record_pk, pair.high.record_pk


def _note(change: _Change) -> Note:
    link = change.link
    detail = {"link": link.link_id.hex(), "state": link.state, "band": link.band, "decision": link.decision}
    kind = EventKind.LINK_OPENED if change.opened else EventKind.LINK_CHANGED
    return Note(kind, detail, vouch.link(link))


def _said(link: StoredLink) -> tuple[str, str, str]:
    """What of a link is news where it changes."""
    return link.state, link.verdict, link.band


def _comparable(low: StoredRecord | None, high: StoredRecord | None, aside: Collection[int]) -> bool:
    """Whether it says something that two records share no tokens.

    Not where one went over to another epoch, nor where one lost its marks with a closed one (`unindex`), nor
    where the batch of one stands aside.
    """
    if low is None or high is None or low.state != "active" or high.state != "active":
        return True
    unindexed = any(row.kinds and not row.marks for row in (low, high))
    return low.epoch == high.epoch and not unindexed and not {low.batch_pk, high.batch_pk}.intersection(aside)


def _state(result: Score, decision: Decision) -> LinkState:
    if decision.obligation("director_only"):
        return LinkState.DIRECTOR_ONLY
    if result.verdict is Verdict.CANDIDATE or decision.obligation("link_at_most") == "candidate":
        return LinkState.CANDIDATE
    return LinkState.NOTIFIED
