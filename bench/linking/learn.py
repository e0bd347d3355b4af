"""m, learned: how often a level is proven among pairs that are the same, as an average over sets.

Each set counts the same, however many pairs it has, so that no large one decides. Levels that come from one
token for surname and given name at once ("swapped") keep their shipped chance: the counts of other levels
say nothing about what such a token alone is worth.

    python -m bench.linking learn          prints the chances beside the shipped ones
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from bench.linking import ours
from bench.linking.sets import LinkageSet, pair

from passerelle_hub.match.evidence import Reader
from passerelle_hub.match.weights import Weights, weights

LEARNED: Final = (
    "surname",
    "given",
    "birth",
    "sex",
    "number",
    "postcode",
    "locality",
    "street",
    "house_number",
)
_KEPT: Final = frozenset({"swapped", "edit"})
_LEAST: Final = 0.003
Chances = Mapping[str, Mapping[str, float]]


def levels(chosen: LinkageSet) -> Chances:
    """Field to level to its share among true pairs of which the field is not absent."""
    reader = Reader(weights())
    records = ours.read(chosen, ours.TIERS["core, address"])
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for (a, b), shared in ours.candidates(records).items():
        one, two = records[a], records[b]
        if pair(one.ref, two.ref, within=not chosen.right) in chosen.truth:
            kinds = tuple(sorted(token.kind_id for token in shared))
            found = reader.read(kinds, one.kinds & two.kinds, one.entity)
            for row in found.rows:
                counts[row.field][row.level] += 1
    return {
        name: {level: number / sum(of_field.values()) for level, number in of_field.items()}
        for name, of_field in counts.items()
    }


def average(measured: Iterable[Chances]) -> Chances:
    """The mean over sets, for the fields that are learned."""
    sets = list(measured)
    found: dict[str, dict[str, float]] = {}
    for name in LEARNED:
        have = [one[name] for one in sets if name in one]
        if have:
            shown = {level for one in have for level in one} - _KEPT
            found[name] = {level: sum(one.get(level, 0.0) for one in have) / len(have) for level in shown}
    return found


def taught(table: Weights, chances: Chances) -> Weights:
    """The table with learned chances instead of its own m; u stays."""
    fields = {name: dict(of_field) for name, of_field in table.fields.items()}
    for name, of_field in chances.items():
        for level, chance in of_field.items():
            u = table.chances[name][level][1]
            fields[name][level] = round(math.log2(max(chance, _LEAST) / u), 2)
    return replace(table, fields=fields)
