"""Precision, recall, F1, and how true the stated odds are: one set of functions for every method."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bench.linking.sets import Pair

BINS = (0.5, 0.9, 0.97, 0.999, 1.0)
"""Upper ends of the bins of a calibration curve; those of the bands, and all below even odds."""
_SHOWN = 0.5
"""Bins up to even odds hold what is not shown."""


@dataclass(frozen=True, slots=True)
class Quality:
    """At the operating threshold, and the best F1 at any (`best_at`: that threshold)."""

    precision: float
    recall: float
    f1: float
    best_f1: float
    best_at: float


@dataclass(frozen=True, slots=True)
class Bin:
    """One point of a calibration curve: pairs with a stated probability up to `upper`."""

    upper: float
    pairs: int
    stated: float
    true: float


def quality(scored: Mapping[Pair, float], truth: frozenset[Pair], threshold: float) -> Quality:
    """Pairs with a score of at least `threshold` count as found."""
    found = [pair for pair, value in scored.items() if value >= threshold]
    hits = sum(pair in truth for pair in found)
    best, best_at, right = 0.0, threshold, 0
    ranked = sorted(scored.items(), key=lambda item: -item[1])
    for count, (pair, value) in enumerate(ranked, 1):
        right += pair in truth
        last = count == len(ranked) or ranked[count][1] < value
        if last and (f1 := _f1(right, count, len(truth))) > best:
            best, best_at = f1, value
    return Quality(
        precision=hits / len(found) if found else 1.0,
        recall=hits / len(truth) if truth else 1.0,
        f1=_f1(hits, len(found), len(truth)),
        best_f1=best,
        best_at=best_at,
    )


def _f1(hits: int, found: int, true: int) -> float:
    return 2 * hits / (found + true) if found + true else 1.0


def calibration(stated: Iterable[tuple[float, bool]]) -> tuple[Bin, ...]:
    """(Stated probability, truth) of pairs in bins; bins without pairs are left out."""
    rows = sorted(stated)
    bins: list[Bin] = []
    low = 0.0
    for upper in BINS:
        inside = [row for row in rows if low <= row[0] < upper or (upper == 1.0 and row[0] >= low)]
        if inside:
            mean = sum(probability for probability, _ in inside) / len(inside)
            bins.append(Bin(upper, len(inside), mean, sum(true for _, true in inside) / len(inside)))
        low = upper
    return tuple(bins)


def calibration_error(bins: Sequence[Bin]) -> float:
    """Expected calibration error of what is shown: the mean distance of stated from true, by pairs."""
    shown = [one for one in bins if one.upper > _SHOWN]
    pairs = sum(one.pairs for one in shown)
    return sum(one.pairs * abs(one.stated - one.true) for one in shown) / pairs if pairs else 0.0
