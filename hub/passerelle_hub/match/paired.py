"""What the hub's own pairs say about a population, without labels: how many match, and who lives together.

Rules
-----
1. Of two persons who share surname and home (two parts of the address at least), given name and birth date
   say who they may be: one person where both agree, two of a family where both are proven different. What is
   absent, or agrees by half (twins, sons named as their father, errors), says nothing.
2. The shipped ceilings suppose as many families as persons. `Paired.rarer` says how many times rarer families
   are, in whole bits, rounded down, never below nothing. A true pair with errors in both counts as a family,
   and the shipped assumption weighs as `_FEW` pairs of each: what goes wrong goes towards "family".
3. Numbers leave here as powers of two, for a score must not tell how many records or links there are.
4. Agencies say how often two of their own records are of one family (`passerelle.chances`). The most that any
   says, times the records that one is compared with, is how many of a person's family stand there at most;
   held against how many records the person matches it says by `rarer_alone` how much rarer families are.
   What nobody measured is as shipped. Pairs and own records are two measures: one agency moves neither alone.

A population with households shows families by the hundred, one with an entry for each home shows none. No
expectation maximisation is needed for that: it would take the household for the person (ADR 0062).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from passerelle.chances import FAMILY, decode_chances
from passerelle_hub.match.kin import HOME, names, shared_parts
from passerelle_hub.match.weights import DISAGREE

_HALF: Final = frozenset({"", "year", DISAGREE})
_SHIPPED_SHARE: Final = 0.4
_RECORDS: Final = 64
_LEAST_SHARE: Final = 2.0**-6
_MOST_SHARE: Final = 4.0
_FEW: Final = 16
_MOST: Final = 8
"""However clear the pairs are: agencies that collude can make up as many as they like."""


@dataclass(frozen=True, slots=True)
class Paired:
    """Counts: records that were compared, pairs among them with odds that make a strong link.

    Of pairs who share surname and home: `alike` in given name and birth date, `apart` in both.
    """

    records: int = 0
    links: int = 0
    alike: int = 0
    apart: int = 0

    def __add__(self, other: Paired) -> Paired:
        return Paired(
            self.records + other.records,
            self.links + other.links,
            self.alike + other.alike,
            self.apart + other.apart,
        )

    def times(self, count: int) -> Paired:
        """What so many pairs of this sort show."""
        return Paired(self.records * count, self.links * count, self.alike * count, self.apart * count)

    @property
    def share(self) -> float:
        """How many records of other agencies a record is expected to match.

        A few records are no measure, so the shipped share weighs as much as `_RECORDS`.
        """
        shown = (2 * self.links + _SHIPPED_SHARE * _RECORDS) / (self.records + _RECORDS)
        return min(max(2.0 ** round(math.log2(shown)), _LEAST_SHARE), _MOST_SHARE)

    @property
    def rarer(self) -> int:
        """Rule 2."""
        return min(max(math.floor(math.log2((self.alike + _FEW) / (self.apart + _FEW))), 0), _MOST)


def beside(levels: Mapping[str, str]) -> Paired:
    """Rule 1 for two persons, by the level that counts of each field."""
    agreed = names(levels)
    if "surname" not in agreed or shared_parts(levels) < HOME:
        return Paired()
    birth = levels.get("birth", "")
    if "given" in agreed and birth not in _HALF:
        return Paired(alike=1)
    return Paired(apart=int(levels.get("given") == birth == DISAGREE))


def compared(held: Iterable[int]) -> int:
    """How many records a record is compared with on average, where the agencies hold so many each.

    An agency's records are not compared with one another.
    """
    counts = list(held)
    others = sum(counts) - sum(one * one for one in counts) / max(sum(counts), 1)
    return 1 << round(math.log2(max(others, 1)))


@lru_cache(maxsize=256)
def rarer_alone(stated: tuple[bytes, ...], records: int, share: float) -> int:
    """Rule 4: by how many bits the agencies' own records show families to be rarer than persons."""
    said = [one.value for raw in stated for one in decode_chances(raw) if (one.field, one.level) == FAMILY]
    if not said:
        return 0
    return min(max(math.floor(math.log2(share / (records * max(said)))), 0), _MOST)
