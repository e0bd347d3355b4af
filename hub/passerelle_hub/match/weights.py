"""The table of weights `weights/1`: read once, turned into bits, frozen."""

from __future__ import annotations

import hashlib
import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Final

from passerelle import release
from passerelle.chances import Chance
from passerelle.errors import PasserelleError
from passerelle.notification import Band

WEIGHTS_VERSION: Final = "weights/1"
_TABLE: Final = "passerelle_hub/match/weights-1.toml"
DISAGREE: Final = "disagree"
_FURTHEST: Final = 8.0
_STATED: Final = (Band.VERY_STRONG, Band.STRONG, Band.POSSIBLE)
"""Bands with stated odds, best first; what reaches none is weak."""


@dataclass(frozen=True, slots=True)
class Weights:
    """Chances (m, u) and bits per field and level, bits of a tie by shared means, the floor of each band.

    `doubling`: the bits that each doubling of the rarest shared token's frequency takes.
    `home`: the most bits that an address can give. `kin`: the most bits of a pair that may be two of a
    family, by how they may be related.
    """

    version: str
    chances: Mapping[str, Mapping[str, tuple[float, float]]]
    fields: Mapping[str, Mapping[str, float]]
    means: Mapping[str, float]
    floors: tuple[tuple[Band, float], ...]
    doubling: float
    home: float
    kin: Mapping[str, float]

    def measured(self, reports: Sequence[Sequence[Chance]]) -> Weights:
        """With the mean of what connectors measured as u of the levels they name.

        Names that are not in the table say nothing. No report moves u further from the shipped one than by
        `_FURTHEST`, so that an agency that errs, or lies, cannot make a field weigh what it likes.
        """
        found: dict[tuple[str, str], list[float]] = {}
        for report in reports:
            for one in report:
                if one.level in self.chances.get(one.field, {}) and one.level != DISAGREE:
                    _, u = self.chances[one.field][one.level]
                    held = min(max(one.value, u / _FURTHEST), u * _FURTHEST, 1.0)
                    found.setdefault((one.field, one.level), []).append(held)
        if not found:
            return self
        fields = {field: dict(levels) for field, levels in self.fields.items()}
        for (field, level), values in found.items():
            m, _ = self.chances[field][level]
            fields[field][level] = _bits(field, m, sum(values) / len(values))
        return replace(self, fields=fields)

    def taught(self, m: Mapping[str, Mapping[str, float]], version: str) -> Weights:
        """With another m for the levels it names, under a version of its own; every level must be known."""
        chances = {field: dict(levels) for field, levels in self.chances.items()}
        fields = {field: dict(levels) for field, levels in self.fields.items()}
        for field, levels in m.items():
            for level, chance in levels.items():
                _, u = chances[field][level]
                chances[field][level] = (chance, u)
                fields[field][level] = _bits(field, chance, u)
        return replace(self, version=version, chances=chances, fields=fields)

    def merged(self, field: str, levels: Sequence[str]) -> float:
        """The bits of one of several levels of a field, where it cannot be told which."""
        chances = [(self.chances[field][level][0], self.fields[field][level]) for level in levels]
        u = sum(m / math.exp2(bits) for m, bits in chances)
        return round(math.log2(sum(m for m, _ in chances) / u), 2)

    @property
    def strong(self) -> float:
        """The bits from which a link is strong."""
        return dict(self.floors)[Band.STRONG]

    def band(self, bits: float) -> Band:
        """The best band whose floor the bits reach."""
        return next((band for band, floor in self.floors if bits >= floor), Band.WEAK)


@cache
def weights() -> Weights:
    """The table shipped with this release, verified.

    Raises:
        PasserelleError: `table_unsigned`, `weights_invalid`.
    """
    return load(release.table(_TABLE))


@cache
def table_digest() -> str:
    """The SHA-256 of the shipped table, in hexadecimal.

    Raises:
        PasserelleError: `table_unsigned`.
    """
    return hashlib.sha256(release.table(_TABLE).encode()).hexdigest()


def load(text: str) -> Weights:
    """Read a table.

    Raises:
        PasserelleError: `weights_invalid`: another version, a chance outside (0, 1], bands out of order.
    """
    table = tomllib.loads(text)
    if table.get("version") != WEIGHTS_VERSION:
        raise PasserelleError("weights_invalid", "another version")
    chances = {
        field: {level: (float(chance["m"]), float(chance["u"])) for level, chance in levels.items()}
        for field, levels in table["field"].items()
    }
    fields = {
        field: {level: _bits(field, *chance) for level, chance in levels.items()}
        for field, levels in chances.items()
    }
    floors = tuple((band, float(table["band"][band])) for band in _STATED)
    if [floor for _, floor in floors] != sorted((floor for _, floor in floors), reverse=True):
        raise PasserelleError("weights_invalid", "bands out of order")
    return Weights(
        version=WEIGHTS_VERSION,
        chances=chances,
        fields=fields,
        means=dict(table["means"]),
        floors=floors,
        doubling=float(table["commonness"]["doubling"]),
        home=float(table["home"]["most"]),
        kin={relation: float(bits) for relation, bits in table["kin"].items()},
    )


def _bits(field: str, m: float, u: float) -> float:
    if not (0 < m <= 1 and 0 < u <= 1):
        raise PasserelleError("weights_invalid", f"field {field}: a chance outside (0, 1]")
    return round(math.log2(m / u), 2)
