"""The second stage: what a closer look at pairs in the grey band adds, and what it costs.

Pieces stand for their tokens, as key values do in `ours`. m is learned on true pairs that share a token, u
on random pairs of a set's records; each set counts the same. `ceiling` is the best F1 that the hard rules
allow, whatever is compared: a true pair of which neither the given name nor the birth date agrees, not even
closely, nor the number, stays nothing.

    python -m bench.linking closer          prints the chances as the table holds them
"""

from __future__ import annotations

import math
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from bench.linking import ours
from bench.linking.measures import Quality, quality
from bench.linking.methods import EVEN
from bench.linking.sets import LinkageSet, Pair, pair

from passerelle.notification import Relation
from passerelle_connector.closer.pieces import pieces
from passerelle_connector.normalise import normalise
from passerelle_hub.match.closer import CloserTable, closer_table, levels
from passerelle_hub.match.score import Scorer
from passerelle_hub.match.weights import DISAGREE

_RANDOM_PAIRS: Final = 20_000
_SEED: Final = 7
_LEAST: Final = 0.0005
_NOTED_WRONGLY: Final = 0.03
Chances = Mapping[str, Mapping[str, float]]
Pieces = Mapping[str, Mapping[str, tuple[str, ...]]]


@dataclass(frozen=True, slots=True)
class Looked:
    """F1 of the first stage and with a closer look; pairs looked at, evaluations a record for it."""

    first: Quality
    closer: Quality
    pairs: int
    evaluations: float


def look(
    chosen: LinkageSet, table: CloserTable | None = None, *, no_households: bool | None = None
) -> Looked:
    """Link a set by tokens, then look at the pairs in the grey band."""
    table = table or closer_table()
    linked = ours.link(chosen, ours.TIERS["core, address"], no_households=no_households)
    records = ours.read(chosen, ours.TIERS["core, address"])
    cut, scorer = _cut(chosen), Scorer(ours.measured(chosen), table)
    stated, count, cost = linked.probabilities(), 0, 0
    for (a, b), shared in ours.candidates(records).items():
        one, two = records[a], records[b]
        place = pair(one.ref, two.ref, within=not chosen.right)
        before = linked.scored[place]
        if before.relation is not Relation.SAME_PERSON or not table.is_grey(before.bits):
            continue
        count += 1
        cost += sum(map(len, (*cut[one.ref].values(), *cut[two.ref].values())))
        compared = levels(cut[one.ref], cut[two.ref], table)
        after = scorer.score(
            shared, one.kinds, two.kinds, one.entity, two.entity, linked.population, compared
        )
        stated[place] = after.probability
    first = quality(linked.probabilities(), chosen.truth, EVEN)
    return Looked(first, quality(stated, chosen.truth, EVEN), count, cost / max(len(records), 1))


def ceiling(chosen: LinkageSet) -> float:
    """The best F1 that the hard rules allow."""
    cut, table = _cut(chosen), closer_table()
    numbers = {ref: row.get("national_number") for ref, row in (*chosen.left, *chosen.right)}
    possible = sum(
        bool(numbers[a] and numbers[a] == numbers[b]) or _allowed(levels(cut[a], cut[b], table), cut, (a, b))
        for a, b in chosen.truth
    )
    return 2 * possible / (possible + len(chosen.truth))


def _allowed(compared: Mapping[str, str], cut: Pieces, two: Pair) -> bool:
    likely = {"exact", "close"}
    if compared.get("given") in likely or compared.get("birth") in likely:
        return True
    a, b = (cut[ref] for ref in two)
    swapped = {"surname": a.get("given", ())}, {"surname": b.get("surname", ())}
    return levels(*swapped, closer_table()).get("surname") in likely


@dataclass(frozen=True, slots=True)
class Compared:
    """One set: by the shipped table, F1 by one learned on other families of sets, the ceiling.

    `alone`: as `looked`, in a domain whose data say that its records know no households.
    """

    set: str
    looked: Looked
    alone: Looked
    left_out: float
    ceiling: float


def compare(chosen: Sequence[LinkageSet], family: Callable[[str], str]) -> list[Compared]:
    """Every set with and without a closer look; `family` names the generator that made a set."""
    measured = {one.name: _measured(one) for one in chosen}
    found: list[Compared] = []
    for one in chosen:
        others = [both for name, both in measured.items() if family(name) != family(one.name)]
        without = look(one, taught(others)).closer.f1 if others else math.nan
        alone = look(one, no_households=True)
        found.append(Compared(one.name, look(one), alone, without, ceiling(one)))
    return found


def lines(compared: Iterable[Compared]) -> Iterator[str]:
    """The section of the page."""
    yield "## A closer look at pairs in the grey band"
    yield ""
    yield "F1 at even odds by tokens of the tiers core and address, then with a closer look at pairs in"
    yield "the grey band; the same with a table learned on other families of sets; the best F1 that the hard"
    yield "rules allow where there are households, however finely fields are compared. *No households*: both"
    yield "in a domain whose data say so."
    yield ""
    yield (
        "| set | tokens alone | closer look | learned without it | allowed | no households: tokens alone "
        "| no households: closer look | pairs | evaluations a record |"
    )
    yield "|---|---|---|---|---|---|---|---|---|"
    for one in compared:
        seen = one.looked
        alone = (one.alone.first.f1, one.alone.closer.f1)
        figures = (seen.first.f1, seen.closer.f1, one.left_out, one.ceiling, *alone)
        columns = " | ".join(f"{value:.4f}" for value in figures)
        yield f"| {one.set} | {columns} | {seen.pairs} | {seen.evaluations:.1f} |"
    yield ""


def chances(sets: Sequence[LinkageSet]) -> tuple[Chances, Chances]:
    """Both chances of each level, m and u, as averages over sets."""
    return _learned([_measured(one) for one in sets])


def taught(measured: Sequence[tuple[Chances, Chances]]) -> CloserTable:
    """The table with the bits that some sets teach."""
    m, u = _learned(measured)
    bits = {f: {level: round(math.log2(m[f][level] / u[f][level]), 2) for level in m[f]} for f in m}
    return replace(closer_table(), bits=bits)


def _learned(measured: Sequence[tuple[Chances, Chances]]) -> tuple[Chances, Chances]:
    """Averages; of m, a field differs in `_NOTED_WRONGLY` of true pairs at least, however clean the sets."""
    m, u = _average(m for m, _ in measured), _average(u for _, u in measured)
    return {
        field: {**levels, DISAGREE: max(levels[DISAGREE], _NOTED_WRONGLY)} for field, levels in m.items()
    }, u


def _measured(chosen: LinkageSet) -> tuple[Chances, Chances]:
    cut = _cut(chosen)
    records = ours.read(chosen, ours.TIERS["core, address"])
    found = (
        pair(records[a].ref, records[b].ref, within=not chosen.right) for a, b in ours.candidates(records)
    )
    seeded, refs = random.Random(_SEED), sorted(cut)
    drawn = (tuple(seeded.sample(refs, 2)) for _ in range(_RANDOM_PAIRS))
    return _shares((cut[a], cut[b]) for a, b in found if (a, b) in chosen.truth), _shares(
        (cut[a], cut[b]) for a, b in drawn
    )


def _shares(
    pairs: Iterable[tuple[Mapping[str, tuple[str, ...]], Mapping[str, tuple[str, ...]]]],
) -> Chances:
    table, counts = closer_table(), defaultdict[str, Counter[str]](Counter)
    for one, two in pairs:
        for field, level in levels(one, two, table).items():
            counts[field][level] += 1
    return {
        field: {level: of[level] / sum(of.values()) for level, _ in table.floors[field]}
        for field, of in counts.items()
    }


def _average(measured: Iterable[Chances]) -> Chances:
    sets, found = list(measured), dict[str, dict[str, float]]()
    for field, floors in closer_table().floors.items():
        have = [one[field] for one in sets if field in one]
        if not have:
            continue
        found[field] = {
            level: max(sum(one[level] for one in have) / len(have), _LEAST) for level, _ in floors
        }
    return found


def _cut(chosen: LinkageSet) -> Pieces:
    """Reference to field to pieces."""
    rows = ((ref, normalise(row)) for ref, row in (*chosen.left, *chosen.right))
    return {ref: pieces(result.subject) for ref, result in rows}


def report(sets: Sequence[LinkageSet]) -> None:
    """Print the chances as the table holds them."""
    m, u = chances([one for one in sets if not one.published])
    for field, of_field in m.items():
        print(f"\n[field.{field}]")
        for level, chance in of_field.items():
            print(f"{level} = {{ m = {chance:.4f}, u = {u[field][level]:.4f} }}")
