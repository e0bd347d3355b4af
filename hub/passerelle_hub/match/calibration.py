"""Whether the stated odds are true: what people judged, held against what was said; and a monitor of m.

Steps
-----
(1) labels: links that a person confirmed or refuted, with their bits and evidence as they stand; the
    director's own links are none of them, so that figures shown to others do not tell of an embargo;
(2) per band the mean of the stated probabilities beside the share that was confirmed, and over all bands the
    expected calibration error: the mean distance of both, weighed by links;
(3) per field and level, how often it stands among confirmed links, beside the shipped m: the labels that a
    next table of weights is learned from;
(4) the monitor: m as expectation maximisation has it over all links, with u held at the shipped value and
    started from the shipped m. Links are found by shared tokens, so this is trained inside blocks. It is
    compared and never used: it takes a household for a person where nothing tells it otherwise.

Counts below `SMALL` are not shown, nor what is computed from them. Nothing here changes a weight: another
table is another release, signed with it, and replayed before it counts.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from passerelle.notification import Band, LinkState
from passerelle_hub.match.weights import Weights

SMALL: Final = 5
_ROUNDS: Final = 50
_CLOSE: Final = 1e-4


@dataclass(frozen=True, slots=True)
class Judged:
    """One link: its state, band, bits, and (field, level) of what its evidence says."""

    state: LinkState
    band: Band
    bits: float
    levels: tuple[tuple[str, str], ...]

    @property
    def stated(self) -> float:
        """The probability that its bits state."""
        return _probability(self.bits)


@dataclass(frozen=True, slots=True)
class BandFigures:
    """One band: judged links, the mean probability stated, the share confirmed. None where links are few."""

    band: Band
    judged: int | None
    stated: float | None
    confirmed: float | None


@dataclass(frozen=True, slots=True)
class LevelFigures:
    """One level of a field: the shipped m, its share among confirmed links, what the monitor has.

    `drift`: by how many bits the monitor is away from what is shipped.
    """

    field: str
    level: str
    shipped: float
    confirmed: float | None
    monitor: float | None
    drift: float | None


@dataclass(frozen=True, slots=True)
class Calibration:
    """The report. `error` is the expected calibration error, None where fewer than `SMALL` were judged."""

    weights: str
    judged: int | None
    error: float | None
    bands: tuple[BandFigures, ...]
    levels: tuple[LevelFigures, ...]


def calibrate(links: Sequence[Judged], table: Weights) -> Calibration:
    """The report over a domain's links."""
    people = [one for one in links if one.state in {LinkState.CONFIRMED, LinkState.REFUTED}]  # (1)
    bands = tuple(_band(band, [one for one in people if one.band is band]) for band in _BANDS)  # (2)
    confirmed = [one for one in people if one.state is LinkState.CONFIRMED]
    return Calibration(
        weights=table.version,
        judged=_enough(len(people)),
        error=_error(bands),
        bands=bands,
        levels=tuple(_levels(confirmed, monitor(links, table), table)),
    )


_BANDS: Final = (Band.VERY_STRONG, Band.STRONG, Band.POSSIBLE)


def _band(band: Band, found: Sequence[Judged]) -> BandFigures:
    if len(found) < SMALL:
        return BandFigures(band, _enough(len(found)), None, None)
    right = sum(one.state is LinkState.CONFIRMED for one in found)
    stated = sum(one.stated for one in found) / len(found)
    return BandFigures(band, len(found), round(stated, 4), round(right / len(found), 4))


def _error(bands: Iterable[BandFigures]) -> float | None:
    known = [
        (one.judged, abs(one.stated - one.confirmed))
        for one in bands
        if one.judged is not None and one.stated is not None and one.confirmed is not None
    ]
    links = sum(count for count, _ in known)
    return round(sum(count * distance for count, distance in known) / links, 4) if links else None


def _enough(count: int) -> int | None:
    return count if count == 0 or count >= SMALL else None


def _levels(
    confirmed: Sequence[Judged], learned: Mapping[str, Mapping[str, float]], table: Weights
) -> Iterable[LevelFigures]:
    """Step (3), and (4) beside it."""
    counts: defaultdict[str, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
    for one in confirmed:
        for field, level in one.levels:
            counts[field][level] += 1
    for field, levels in table.chances.items():
        seen = sum(counts[field].values())
        for level, (m, _) in levels.items():
            share = counts[field][level] / seen if seen >= SMALL and counts[field][level] >= SMALL else None
            learnt = learned.get(field, {}).get(level)
            if share is not None or learnt is not None:
                yield LevelFigures(
                    field,
                    level,
                    m,
                    None if share is None else round(share, 4),
                    None if learnt is None else round(learnt, 4),
                    None if learnt is None else round(math.log2(max(learnt, _CLOSE) / m), 2),
                )


def monitor(links: Sequence[Judged], table: Weights) -> Mapping[str, Mapping[str, float]]:
    """Step (4): field to level to m; nothing where there are too few links to learn from."""
    rows = [
        tuple((f, level) for f, level in one.levels if level in table.chances.get(f, {})) for one in links
    ]
    rows = [row for row in rows if row]
    if len(rows) < SMALL * 4:
        return {}
    m = {f: {level: chance for level, (chance, _) in levels.items()} for f, levels in table.chances.items()}
    share = 0.9
    for _ in range(_ROUNDS):
        weights = [_posterior(row, m, table, share) for row in rows]
        before, m = m, _maximised(rows, weights, m)
        share = min(max(sum(weights) / len(rows), 0.01), 0.99)
        if _moved(before, m) < _CLOSE:
            break
    seen = {entry for row in rows for entry in row}
    return {
        f: {level: chance for level, chance in levels.items() if (f, level) in seen}
        for f, levels in m.items()
    }


_Row = tuple[tuple[str, str], ...]
_Chances = Mapping[str, Mapping[str, float]]


def _posterior(row: _Row, m: _Chances, table: Weights, share: float) -> float:
    bits = math.log2(share / (1 - share))
    bits += sum(math.log2(max(m[f][level], _CLOSE) / table.chances[f][level][1]) for f, level in row)
    return _probability(bits)


def _maximised(rows: Sequence[_Row], weights: Sequence[float], m: _Chances) -> dict[str, dict[str, float]]:
    """The next m, with the m before as twenty links' worth of what was known."""
    found = {f: {level: chance * SMALL * 4 for level, chance in levels.items()} for f, levels in m.items()}
    for row, weight in zip(rows, weights, strict=True):
        for f, level in row:
            found[f][level] += weight
    return {
        f: {level: value / sum(levels.values()) for level, value in levels.items()}
        for f, levels in found.items()
    }


def _moved(before: _Chances, after: _Chances) -> float:
    return max(abs(after[f][level] - before[f][level]) for f in after for level in after[f])


def _probability(bits: float) -> float:
    return 1.0 / (1.0 + math.exp2(-max(min(bits, 60.0), -60.0)))
