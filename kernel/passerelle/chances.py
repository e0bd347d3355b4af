"""Chances of agreement that a connector measures on its own records: some twenty rounded numbers.

How often a field agrees between two records that are not the same depends on the population, and only who
holds records can measure it. A connector states per field and level the chance u as a power of the root of
two: `halves` = 6 says 2 to the power of -3. Rounded so, it tells an order of magnitude and no more. What
rests on few pairs is left out; the hub then keeps its shipped value.

Travels as bytes inside a batch's signed statement. Who reads it checks the shape here and the names against
its own table of weights. One number is no weight: `FAMILY`, how often two of an agency's records are two
persons of one family; what may be made of families follows it.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from passerelle.errors import PasserelleError

MAX_BYTES: Final = 4_096
FAMILY: Final = ("kin", "family")
"""Its field and level."""
_MOST: Final = 64
_MAX_HALVES: Final = 80
_NAME: Final = re.compile(r"^[a-z][a-z0-9_]{0,31}$")


@dataclass(frozen=True, slots=True, order=True)
class Chance:
    """One measured chance: `field` agrees at `level` between random records, with 2 ** (-halves / 2)."""

    field: str
    level: str
    halves: int

    @classmethod
    def rounded(cls, field: str, level: str, chance: float) -> Chance:
        """From a chance in (0, 1]."""
        return cls(field, level, min(max(round(-2 * math.log2(chance)), 0), _MAX_HALVES))

    @property
    def value(self) -> float:
        """The chance."""
        return math.exp2(-self.halves / 2)


def encode_chances(chances: Iterable[Chance]) -> bytes:
    """As bytes, sorted; empty for none."""
    rows = [[one.field, one.level, one.halves] for one in sorted(chances)]
    return json.dumps(rows, separators=(",", ":")).encode() if rows else b""


def decode_chances(raw: bytes) -> tuple[Chance, ...]:
    """From bytes that a verified statement holds.

    Raises:
        PasserelleError: `message_malformed`.
    """
    if not raw:
        return ()
    if len(raw) > MAX_BYTES:
        raise PasserelleError("message_malformed", "more chances than fields")
    try:
        rows: Any = json.loads(raw)
        found = tuple(_chance(row) for row in rows)
    except (ValueError, TypeError, RecursionError) as error:
        raise PasserelleError("message_malformed", "not a list of chances") from error
    if len(found) > _MOST or len({(one.field, one.level) for one in found}) != len(found):
        raise PasserelleError("message_malformed", "a chance stated twice")
    return found


def _chance(row: Any) -> Chance:
    field, level, halves = row
    if not (isinstance(field, str) and isinstance(level, str) and type(halves) is int):
        raise ValueError("not a chance")
    if not (_NAME.match(field) and _NAME.match(level) and 0 <= halves <= _MAX_HALVES):
        raise ValueError("out of range")
    return Chance(field, level, halves)
