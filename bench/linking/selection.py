"""The catalogue by greedy selection: which kinds of key earn their tokens, over all sets at once.

Every kind of the tiers core and address is a candidate. In each round the kind that adds most to the pairs
found, for each token it costs, is taken: the gain is the mean over sets of the share of true pairs that no
kind taken before finds, and that without a false pair beside it is found by this one. A kind that finds
nothing new may still be needed to prove a field; the second column says how often its fields are proven by
no kind taken before.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.linking import ours
from bench.linking.sets import LinkageSet, pair

from passerelle.catalogue import KeyKind, Proof, Tier, catalogue


@dataclass(frozen=True, slots=True)
class _Measured:
    """One set: kinds shared by each true pair, tokens of each kind a record, number of true pairs."""

    shared: tuple[frozenset[int], ...]
    cost: dict[int, float]
    pairs: int


@dataclass(frozen=True, slots=True)
class Step:
    """One kind taken: the share of pairs it finds anew, of proofs it adds, what it costs, and all so far."""

    kind: KeyKind
    found: float
    proven: float
    cost: float
    covered: float


def choose(chosen: Sequence[LinkageSet]) -> Iterator[Step]:
    """The kinds in the order in which they are worth their tokens."""
    measured = [_measure(one) for one in chosen]
    left = {kind.id: kind for kind in catalogue().kinds.values() if kind.tier in {Tier.CORE, Tier.ADDRESS}}
    taken: set[int] = set()
    while left:
        steps = [_step(kind, measured, taken) for kind in left.values()]
        steps = [step for step in steps if step.cost > 0]
        if not steps:
            return
        best = max(steps, key=lambda step: (step.found + step.proven / 10) / step.cost)
        if best.found + best.proven == 0:
            return
        taken.add(best.kind.id)
        del left[best.kind.id]
        yield best


def _measure(chosen: LinkageSet) -> _Measured:
    records = ours.read(chosen, ours.TIERS["core, address"])
    counts: defaultdict[int, int] = defaultdict(int)
    for record in records:
        for key in record.keys:
            counts[key.kind_id] += 1
    shared = [
        frozenset(token.kind_id for token in tokens)
        for (a, b), tokens in ours.candidates(records).items()
        if pair(records[a].ref, records[b].ref, within=not chosen.right) in chosen.truth
    ]
    cost = {kind: count / len(records) for kind, count in counts.items()}
    return _Measured(tuple(shared), cost, len(chosen.truth))


def _step(kind: KeyKind, measured: Sequence[_Measured], taken: set[int]) -> Step:
    anew, proven, covered = 0.0, 0.0, 0.0
    for one in measured:
        having = [shared for shared in one.shared if kind.id in shared]
        anew += sum(shared.isdisjoint(taken) for shared in having) / one.pairs
        proven += sum(bool(set(kind.proves) - _proofs(shared & taken)) for shared in having) / one.pairs
        covered += sum(not shared.isdisjoint(taken | {kind.id}) for shared in one.shared) / one.pairs
    sets = len(measured)
    cost = sum(one.cost.get(kind.id, 0.0) for one in measured) / sets
    return Step(kind, anew / sets, proven / sets, cost, covered / sets)


def _proofs(kinds: frozenset[int]) -> set[Proof]:
    return {proof for kind in kinds for proof in catalogue().kind(kind).proves}


def report(chosen: Sequence[LinkageSet]) -> None:
    """Print the order, with what each kind adds."""
    total = 0.0
    for step in choose(chosen):
        total += step.cost
        print(
            f"{step.kind.id:4} {step.kind.name:42} {step.kind.tier:8} found anew {step.found:.4f} "
            f"proven anew {step.proven:.4f} tokens {step.cost:.2f} all {step.covered:.4f} at {total:.1f}"
        )
