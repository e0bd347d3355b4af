"""Which linked records are one entity: clusters by average linkage. Pure and deterministic.

Rule
----
1. Two records are *tied* by their link: by 2 where it is strong, very strong or confirmed by a person, by 1
   where it is possible. Two records without such a link are tied by 0. Two records of one agency are never
   compared, so their pair counts neither for nor against.
2. Two clusters are one where the ties between them average at least 1 over the pairs that count: a chain of
   links does not hold together what hardly agrees end to end. The best average merges first; of equal ones
   the one whose records come first by agency and record id, never by the time of arrival.
3. Records that *contradict* each other are never in one cluster, whatever ties the others: a person refuted
   the pair, or number, birth date or sex were compared and differ. A person's confirmation outweighs the
   latter.

The outcome follows from records and ties alone: the same ones in any order of arrival give the same clusters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

AGAINST: Final = -1
"""The tie of two records that contradict each other."""
_LEAST: Final = 1.0

Pair = tuple[int, int]
"""Two keys, the smaller first."""


class Member(NamedTuple):
    """A record to be put into a cluster."""

    agency: str
    record_id: bytes
    key: int


class _Between(NamedTuple):
    """What lies between two clusters: the sum of the ties, and how many pairs count."""

    ties: int
    pairs: int


def pair(one: int, other: int) -> Pair:
    """The pair of two keys."""
    return (one, other) if one < other else (other, one)


def clusters(members: Sequence[Member], ties: Mapping[Pair, int]) -> list[tuple[int, ...]]:
    """The clusters of some records, each the keys of its records, ascending; a record alone is one too.

    Args:
        members: the records.
        ties: what ties pairs of them; a pair that is left out is tied by 0.
    """
    ordered = sorted(members)
    groups: dict[int, list[int]] = {at: [member.key] for at, member in enumerate(ordered)}
    between: dict[Pair, _Between] = {}
    apart: set[Pair] = set()
    for at, one in enumerate(ordered):
        for also in range(at + 1, len(ordered)):
            other = ordered[also]
            tie = ties.get(pair(one.key, other.key), 0)
            if tie == AGAINST:
                apart.add((at, also))
            counts = tie > 0 or one.agency != other.agency
            between[at, also] = _Between(max(tie, 0), int(counts))
    while best := _best(between, apart):
        _merge(best, groups, between, apart)
    return sorted(tuple(sorted(group)) for group in groups.values())


def _best(between: Mapping[Pair, _Between], apart: set[Pair]) -> Pair | None:
    """Rule 2: which two clusters merge next, by the places of their first records."""
    joinable = [
        (-found.ties / found.pairs, at)
        for at, found in between.items()
        if found.ties and at not in apart and found.ties / found.pairs >= _LEAST
    ]
    return min(joinable)[1] if joinable else None


def _merge(best: Pair, groups: dict[int, list[int]], between: dict[Pair, _Between], apart: set[Pair]) -> None:
    kept, gone = best
    groups[kept] += groups.pop(gone)
    del between[best]
    for other in groups.keys() - {kept}:
        old, new = pair(gone, other), pair(kept, other)
        one, two = between.pop(old), between[new]
        between[new] = _Between(one.ties + two.ties, one.pairs + two.pairs)
        if old in apart:
            apart.add(new)
