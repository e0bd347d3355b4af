"""A closer look at one pair: how like each other two fields are, and what that says beside the shared tokens.

Rules
-----
1. The likeness of a field is the Dice coefficient of its two sets of pieces; the table turns it into a level.
2. A compared field is read by its pieces, unless a shared token proves more. Where the name is known as a
   whole only, or as both parts in either order, that reading stays: a name is read once.
3. For the hard rules and for kin, a name that is *similar* counts as an initial does, and a birth date that
   is not equal as no birth date: brothers and sisters have such names and dates by chance.

Pure; sees tokens of pieces, made under a nonce for this pair alone, and never a value.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import Any, Final

from passerelle import release
from passerelle.closer import FIELDS
from passerelle.errors import PasserelleError
from passerelle_hub.match.evidence import (
    ADDRESS,
    BOTH,
    NAMES,
    PART,
    WHOLE,
    Evidence,
    FieldEvidence,
    one_move,
)
from passerelle_hub.match.weights import DISAGREE

CLOSER_VERSION: Final = "closer/1"
_EXACT: Final = "exact"
_ROUNDING: Final = 1e-9


@dataclass(frozen=True, slots=True)
class CloserTable:
    """`floors`: per field the levels with their least likeness, best first; `bits`: per field and level.

    `grey`: the bits from which and below which a pair is looked at.
    """

    floors: Mapping[str, tuple[tuple[str, float], ...]]
    bits: Mapping[str, Mapping[str, float]]
    grey: tuple[float, float]

    def is_grey(self, bits: float) -> bool:
        """Whether a pair of these bits is looked at."""
        return self.grey[0] <= bits < self.grey[1]


@cache
def closer_table() -> CloserTable:
    """The table shipped with this release, verified.

    Raises:
        PasserelleError: `table_unsigned`, `weights_invalid`.
    """
    return load(release.table("passerelle_hub/match/closer-1.toml"))


def load(text: str) -> CloserTable:
    """Read a table.

    Raises:
        PasserelleError: `weights_invalid`: another version, a chance outside (0, 1].
    """
    table = tomllib.loads(text)
    if table.get("version") != CLOSER_VERSION:
        raise PasserelleError("weights_invalid", "another version")
    floors = {field: _floors(table["floor"], field) for field in FIELDS}
    bits = {
        field: {name: _bits(float(chance["m"]), float(chance["u"])) for name, chance in stated.items()}
        for field, stated in table["field"].items()
    }
    return CloserTable(floors, bits, (float(table["grey"]["low"]), float(table["grey"]["high"])))


def _floors(stated: Mapping[str, Any], field: str) -> tuple[tuple[str, float], ...]:
    own: Mapping[str, Any] = stated.get(field, stated)
    levels = ((name, float(floor)) for name, floor in own.items() if not isinstance(floor, dict))
    return tuple(sorted(levels, key=lambda level: -level[1]))


def _bits(m: float, u: float) -> float:
    if not (0 < m <= 1 and 0 < u <= 1):
        raise PasserelleError("weights_invalid", "a chance outside (0, 1]")
    return round(math.log2(m / u), 2)


Pieces = Mapping[str, Collection[Any]]


def levels(one: Pieces, other: Pieces, table: CloserTable) -> dict[str, str]:
    """Rule 1, for each field that both sides have."""
    both = (field for field in FIELDS if one.get(field) and other.get(field))
    return {field: _level(_dice(one[field], other[field]), table.floors[field]) for field in both}


def _dice(one: Collection[Any], other: Collection[Any]) -> float:
    first, second = set(one), set(other)
    return 2 * len(first & second) / (len(first) + len(second))


def _level(likeness: float, floors: tuple[tuple[str, float], ...]) -> str:
    return next((name for name, floor in floors if likeness >= floor - _ROUNDING), DISAGREE)


def refine(found: Evidence, compared: Mapping[str, str], table: CloserTable) -> Evidence:
    """Rule 2: the evidence of a pair of persons once it was looked at."""
    rows = {row.field: row for row in found.rows}
    proven = dict(found.proven)
    known_whole = WHOLE in rows or (PART in rows and rows[PART].level == BOTH)
    for field, level in compared.items():
        if field in NAMES and known_whole:
            continue
        read = FieldEvidence(field, level, table.bits[field][level])
        held = rows.get(field)
        if held is None or held.level == DISAGREE or held.bits <= read.bits:
            rows[field] = read
            proven.pop(field, None)
            if level == _EXACT or (field != "birth" and level != DISAGREE):  # rule 3
                proven[field] = level
    if not known_whole and not rows.keys().isdisjoint(NAMES):
        rows.pop(PART, None)
        proven.pop(PART, None)
    ordered = chain(*(_in_order(rows, part) for part in (False, True)))
    return Evidence(proven, tuple(one_move(tuple(ordered))))


def _in_order(rows: Mapping[str, FieldEvidence], address: bool) -> list[FieldEvidence]:
    return [row for row in rows.values() if (row.field in ADDRESS) is address]
