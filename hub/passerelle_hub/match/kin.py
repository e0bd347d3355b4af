"""Who may be two of one family: the most bits of a pair whose agreement kinship explains as well.

Rules
-----
1. Members of a family share surname and home by nature, twins the birth date too, and a son may have his
   father's name. Where the field that tells them apart speaks against one person, chance is not what the
   agreement must be weighed against. Where a number agrees, kinship explains nothing.
2. How far families are *rarer* than shipped ceilings suppose is measured (`paired`): on pairs that share a
   home, which lifts the ceilings of such pairs, and on agencies' own records, which lifts that of twins. What
   such a link may become never changes.
3. Surname and home alone are nothing where there are households. Where both measures show that there are
   none, or the domain's data say so (`no_households`) and the pairs bear it out, that ceiling is lifted too,
   and so is what an address can give. Where its data deny it, nothing is lifted. The rules of `score` make
   such a pair a candidate at most.
4. A ceiling weighs one person against kin. What kin do not share either, and what speaks against both, counts
   beneath it: another number, another sex, tokens that many carry.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from passerelle_hub.match.evidence import BOTH, INITIAL, NAMES, PART, PLACE, WHOLE
from passerelle_hub.match.weights import DISAGREE, Weights

NUMBERS: Final = ("number", "document")
BENEATH: Final = frozenset({"number", "document", "sex", "middle", "commonness"})
"""Rule 4."""
YEAR: Final = "year"
SIMILAR: Final = "similar"  # levels of a closer look (`match.closer`, rule 3)
_CLOSE: Final = "close"
_NO_NAME: Final = frozenset({DISAGREE, INITIAL, SIMILAR})
_NO_BIRTH: Final = frozenset({DISAGREE, YEAR, _CLOSE, SIMILAR})
_PARTS: Final = (PLACE, ("street",), ("house_number",))
_TWINS: Final = frozenset({"twins", "twins_initial"})
HOME: Final = 2
"""So many parts of an address make a home."""


def relation(levels: Mapping[str, str]) -> str:
    """Rule 1: how the two may be related, as the table's `kin` has it; empty where nothing hints at it."""
    if any(levels.get(number, DISAGREE) != DISAGREE for number in NUMBERS):
        return ""
    agreed = names(levels)
    born = levels.get("birth", DISAGREE) not in _NO_BIRTH
    home = shared_parts(levels)
    if born and "given" not in agreed and ("surname" in agreed or PART in levels):
        return "twins" if levels.get("given", "") not in {INITIAL, SIMILAR} else "twins_initial"
    if home and not born and "given" not in agreed:
        return "family"
    if home >= HOME and not born and len(agreed) >= 2 and levels.get("birth") in {DISAGREE, SIMILAR}:
        return "namesakes"
    return ""


def ceiling(levels: Mapping[str, str], table: Weights, rarer: int, alone: int, home: int) -> float:
    """The most bits of two persons, infinity where nothing hints at kinship: rules 1 to 3.

    `rarer`, `alone` and `home` are those of the population.
    """
    kin = relation(levels)
    if not kin:
        return math.inf
    together = shared_parts(levels) >= HOME
    if kin == "family":
        return table.kin[kin] + (home if together else 0)
    return table.kin[kin] + max(rarer if together else 0, alone if kin in _TWINS else 0)


def names(levels: Mapping[str, str]) -> set[str]:
    """Which of surname and given name agree beyond initials."""
    if (WHOLE in levels and levels[WHOLE] != DISAGREE) or levels.get(PART) == BOTH:
        return set(NAMES)
    return {name for name in NAMES if levels.get(name, DISAGREE) not in _NO_NAME}


def shared_parts(levels: Mapping[str, str]) -> int:
    """How many parts of an address agree: place, street, house number."""
    return sum(any(levels.get(field, DISAGREE) != DISAGREE for field in part) for part in _PARTS)
