"""Our side, with the real code: the connector's normaliser and keys, the hub's cap, evidence and score.

Tokens are an equality-preserving map of key values, so comparing the values themselves gives exactly the
pairs that the federation finds and the scores that it gives them. Counts of tokens are those that a record
shows, dummies included.
"""

from __future__ import annotations

import random
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from bench.linking.sets import LinkageSet, Pair, Row, pair

from passerelle.catalogue import Tier, catalogue
from passerelle.chances import decode_chances
from passerelle.groups import EntityKind
from passerelle.notification import Relation
from passerelle_connector.census import Census
from passerelle_connector.keys import Key, derive
from passerelle_connector.normalise import normalise
from passerelle_hub.match.paired import Paired, compared
from passerelle_hub.match.pairs import FREQUENCY_CAP
from passerelle_hub.match.population import Population
from passerelle_hub.match.score import Score, Scorer, SharedToken
from passerelle_hub.match.weights import Weights, weights

CORE: Final = frozenset({Tier.CORE, Tier.STRONG})
TIERS: Final[Mapping[str, frozenset[Tier]]] = {
    "core": CORE,
    "core, address": CORE | {Tier.ADDRESS},
    "core, address, edit": CORE | {Tier.ADDRESS, Tier.EDIT},
}
PUBLISHED: Final[Mapping[str, frozenset[Tier]]] = {
    "core": CORE,
    "core, names": CORE | {Tier.NAMES},
    "core, address, names": CORE | {Tier.NAMES, Tier.ADDRESS},
}


NO_HOUSEHOLDS: Final = "core, address, no households"
"""As `core, address` in a domain whose data say that its records know no households."""
_SEED: Final = 20_261_125
_ROUNDS: Final = 4
"""Of measuring a population by scores that follow from it; it stands after two or three."""


@dataclass(frozen=True, slots=True)
class Tokenised:
    """What the hub knows of one record: whose it is, what about, its tokens (here: key values)."""

    ref: str
    agency: str
    entity: EntityKind
    keys: tuple[Key, ...]
    kinds: frozenset[int]


@dataclass(frozen=True, slots=True)
class Linked:
    """What came out: the score of each pair that shares a token, tokens that a record shows, seconds."""

    scored: Mapping[Pair, Score]
    tokens: float
    seconds: float
    population: Population

    def probabilities(self) -> dict[Pair, float]:
        """Pairs that are said to be the same person or organisation, with the stated probability."""
        return {
            pair: one.probability
            for pair, one in self.scored.items()
            if one.relation is not Relation.SHARED_MEANS
        }


def tokenise(rows: Iterable[tuple[str, Row]], agency: str, tiers: frozenset[Tier]) -> Iterator[Tokenised]:
    """The records of one agency; rejected rows are none. Without a name each record is its own agency."""
    for ref, row in rows:
        result = normalise(row)
        if not result.rejected:
            keys = derive(result.subject, catalogue(), tiers)
            kinds = frozenset(key.kind_id for key in keys)
            yield Tokenised(ref, agency or ref, result.subject.entity, keys, kinds)


def shown(record: Tokenised) -> int:
    """How many tokens the record shows, dummies included."""
    counts: defaultdict[int, int] = defaultdict(int)
    for key in record.keys:
        counts[key.kind_id] += 1
    return sum(catalogue().kind(kind).padded(count) for kind, count in counts.items())


def candidates(
    records: Sequence[Tokenised], cap: int = FREQUENCY_CAP
) -> dict[tuple[int, int], list[SharedToken]]:
    """Pairs of different agencies with their shared tokens; tokens above the cap are left out."""
    holders: defaultdict[Key, list[int]] = defaultdict(list)
    for position, record in enumerate(records):
        for key in record.keys:
            holders[key].append(position)
    found: defaultdict[tuple[int, int], list[SharedToken]] = defaultdict(list)
    for key, positions in holders.items():
        if 1 < len(positions) <= cap:
            agencies = len({records[place].agency for place in positions})
            token = SharedToken(key.kind_id, len(positions), agencies)
            for a, b in combinations(positions, 2):
                if records[a].agency != records[b].agency:
                    found[a, b].append(token)
    return found


def read(chosen: LinkageSet, tiers: frozenset[Tier]) -> list[Tokenised]:
    """All records of a set. Within one file each record is an agency of its own."""
    records = list(tokenise(chosen.left, "left" if chosen.right else "", tiers))
    records += tokenise(chosen.right, "right", tiers)
    return records


def _stated(chosen: LinkageSet) -> tuple[bytes, ...]:
    """What the connector of each source measures on its own records, as its batches state it."""
    found: list[bytes] = []
    for rows in filter(None, (chosen.left, chosen.right)):
        seeded = random.Random(_SEED)
        census = Census(seeded.randbytes)
        for _, row in rows:
            result = normalise(row)
            if not result.rejected:
                census.add(result.subject)
        found.append(census.stated())
    return tuple(found)


def measured(chosen: LinkageSet) -> Weights:
    """The shipped table with what the sources' connectors measure."""
    return weights().measured(tuple(map(decode_chances, _stated(chosen))))


def link(
    chosen: LinkageSet,
    tiers: frozenset[Tier],
    table: Weights | None = None,
    *,
    no_households: bool | None = None,
) -> Linked:
    """Link a set as a federation of its sources would: by what is shipped, then by what its pairs show.

    `no_households`: what the domain's data would say of that; None where nothing.
    """
    began = time.perf_counter()
    stated = _stated(chosen)
    scorer = Scorer((table or weights()).measured(tuple(map(decode_chances, stated))))
    within = not chosen.right
    records = read(chosen, tiers)
    found = candidates(records)
    held = Counter(record.agency for record in records)
    population = Population(compared(held.values()), stated=stated, no_households=no_households)
    scored: dict[Pair, Score] = {}
    for _ in range(_ROUNDS):
        scored.clear()
        for (a, b), shared in found.items():
            one, two = records[a], records[b]
            verdict = scorer.score(shared, one.kinds, two.kinds, one.entity, two.entity, population)
            scored[pair(one.ref, two.ref, within=within)] = verdict
        measures = population.measured(sum((one.shows for one in scored.values()), Paired(len(records))))
        if measures == population:
            break
        population = measures
    seconds = time.perf_counter() - began
    return Linked(scored, sum(map(shown, records)) / max(len(records), 1), seconds, population)
