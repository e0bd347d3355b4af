"""Which records of a component contradict each other, and how strongly links tie the others.

A linked pair was compared when it was linked: its evidence says what disagrees. A pair without a link, of two
agencies or of one, is compared here by the kinds of the tokens it shares, as a score would, and found to
contradict where number, birth date or sex were put side by side and differ. How common a token is does not
matter to that.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import combinations
from typing import Final

from passerelle.groups import EntityKind
from passerelle.notification import Band, LinkState
from passerelle_hub.index import split, unpack_kinds
from passerelle_hub.match.clusters import AGAINST, Pair, pair
from passerelle_hub.match.evidence import Reader
from passerelle_hub.match.weights import DISAGREE
from passerelle_hub.store import Transaction, marks
from passerelle_hub.store.clusters import Tie
from passerelle_hub.store.records import StoredRecord

_DECISIVE: Final = frozenset({"number", "organisation_number", "birth", "sex"})
_TIES: Final[Mapping[Band, int]] = {Band.VERY_STRONG: 2, Band.STRONG: 2, Band.POSSIBLE: 1}


def ties_of(
    tx: Transaction, reader: Reader, rows: Sequence[StoredRecord], linked: Iterable[Tie]
) -> dict[Pair, int]:
    """What ties the records of one component, as `clusters` takes it."""
    found = {pair(tie.low, tie.high): _tie(tie) for tie in linked}
    if len(rows) > 2:
        found |= dict.fromkeys(_unlinked_against(tx, reader, rows, found), AGAINST)
    return found


def _tie(tie: Tie) -> int:
    if tie.state is LinkState.CONFIRMED:
        return max(_TIES.values())
    if tie.state is LinkState.REFUTED:
        return AGAINST
    return AGAINST if _differ(tie.evidence) else _TIES.get(tie.band, 0)


@lru_cache(maxsize=4096)  # thousands of links share some evidence
def _differ(evidence: str) -> bool:
    rows: list[tuple[str, str, float]] = json.loads(evidence)
    return any(level == DISAGREE and field in _DECISIVE for field, level, _ in rows)


def _unlinked_against(
    tx: Transaction, reader: Reader, rows: Sequence[StoredRecord], linked: Collection[Pair]
) -> list[Pair]:
    carried = {row.record_pk: frozenset(split(row.marks)) for row in rows}
    shared = {
        (one, other): carried[one.record_pk] & carried[other.record_pk]
        for one, other in combinations(rows, 2)
        if pair(one.record_pk, other.record_pk) not in linked
    }
    kinds = marks.kinds(tx, sorted(frozenset[bytes]().union(*shared.values())))
    return [
        pair(one.record_pk, other.record_pk)
        for (one, other), common in shared.items()
        if _against(reader, one, other, tuple(sorted(kinds[mark] for mark in common if mark in kinds)))
    ]


def _against(reader: Reader, one: StoredRecord, other: StoredRecord, shared: tuple[int, ...]) -> bool:
    entity = EntityKind(one.entity) if one.entity == other.entity else None
    read = reader.read(shared, unpack_kinds(one.kinds) & unpack_kinds(other.kinds), entity)
    return any(row.level == DISAGREE and row.field in _DECISIVE for row in read.rows)
