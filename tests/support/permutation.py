"""Permutation tests: whether an observation tells which of two worlds it was made in.

Under the hypothesis that it does not, every way of dealing the labels out again is as likely as the one that
was dealt. The p-value is exact for any distribution and any drift, if the labels were dealt at random.
"""

from __future__ import annotations

import random
from collections.abc import Hashable, Sequence
from typing import Final

_ENOUGH: Final = 20


def p_value(values: Sequence[Hashable], labels: Sequence[bool], rounds: int, chance: random.Random) -> float:
    """How often labels dealt at random separate the values at least as well as the given ones.

    Figures are compared by the distance of Kolmogorov and Smirnov, everything else by total variation. Stops
    early, as Besag and Clifford showed to be allowed, once the hypothesis is plainly well.
    """
    if len(set(values)) == 1:
        return 1.0
    order = sorted(range(len(values)), key=lambda at: _rank(values[at]))
    runs = _runs([values[at] for at in order])
    figures = all(isinstance(value, int | float) for value in values)
    distance = _kolmogorov_smirnov if figures else _total_variation
    dealt = [labels[at] for at in order]
    seen = distance(dealt, runs)
    at_least = 0
    for dealt_out in range(1, rounds + 1):
        chance.shuffle(dealt)
        at_least += distance(dealt, runs) >= seen - 1e-12
        if at_least == _ENOUGH:
            return at_least / dealt_out
    return (at_least + 1) / (rounds + 1)


def _rank(value: Hashable) -> tuple[float, str]:
    return (float(value), "") if isinstance(value, int | float) else (0.0, repr(value))


def _runs(ordered: Sequence[Hashable]) -> list[tuple[int, int]]:
    """Where equal values begin and end."""
    starts = [at for at in range(len(ordered)) if at == 0 or ordered[at] != ordered[at - 1]]
    return list(zip(starts, [*starts[1:], len(ordered)], strict=True))


def _kolmogorov_smirnov(labels: Sequence[bool], runs: Sequence[tuple[int, int]]) -> float:
    ones, all_ones, size = 0, sum(labels), len(labels)
    greatest = 0.0
    for begin, end in runs:
        ones += sum(labels[begin:end])
        greatest = max(greatest, abs(ones / all_ones - (end - ones) / (size - all_ones)))
    return greatest


def _total_variation(labels: Sequence[bool], runs: Sequence[tuple[int, int]]) -> float:
    all_ones, size = sum(labels), len(labels)
    found = 0.0
    for begin, end in runs:
        ones = sum(labels[begin:end])
        found += abs(ones / all_ones - (end - begin - ones) / (size - all_ones))
    return found / 2
