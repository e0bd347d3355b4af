"""Which pairs of records share tokens: candidates for a link, found through the index.

Promises
--------
1. Two records of one agency are never paired.
2. A mark carried by more records than the cap is no evidence; it is counted as "too common" and costs no
   work per pair. However many carry it, no more than twice the cap are read: of so many either those that
   both sides may know of are too many, or the hidden ones are, and then the others alone count.
3. How common a mark is, is counted over records that both sides may know of: an embargoed record counts
   for the pair it stands in and for no other, so that nobody's score tells of it.
4. A pair shares what both its records carry. Records are read after the index; one that became another
   revision between the two is in no pair here: the batch that brought it finds them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from passerelle.codec.header import decode_marking
from passerelle.groups import EntityKind
from passerelle_hub.index import split, unpack_kinds
from passerelle_hub.match.population import Population
from passerelle_hub.match.score import Score, SharedToken, score
from passerelle_hub.store import Transaction, marks, records
from passerelle_hub.store.marks import Shared
from passerelle_hub.store.records import StoredRecord

FREQUENCY_CAP = 20


class Pair(NamedTuple):
    """Two records (by key, low first) and the tokens they share, sorted."""

    low: StoredRecord
    high: StoredRecord
    shared: tuple[SharedToken, ...]


def score_pair(pair: Pair, population: Population, compared: Mapping[str, str] | None) -> Score:
    """Score two records as they are stored; `compared` is what a closer look found (`score`)."""
    return score(
        pair.shared,
        unpack_kinds(pair.low.kinds),
        unpack_kinds(pair.high.kinds),
        EntityKind(pair.low.entity),
        EntityKind(pair.high.entity),
        population,
        compared,
    )


@dataclass(frozen=True, slots=True)
class Found:
    """What some batches brought up. `too_common` counts marks.

    `common`: those of them that are too common among records under no embargo.
    """

    pairs: tuple[Pair, ...]
    too_common: int
    common: tuple[bytes, ...] = ()


def find(
    tx: Transaction, batches: Sequence[int], cap: int = FREQUENCY_CAP, aside: Collection[int] = ()
) -> Found:
    """The pairs between the records of some batches (by key) and other agencies' records.

    Records of batches that stand aside are as if they had not arrived: their own batch finds their pairs.
    Most marks are carried by one record and by nobody else; those stay in the database.
    """
    carried = marks.shared(tx, batches, 2 * cap)
    many = {mark for mark, one in carried.items() if len(one.records) > cap}
    crowded = [mark for mark, one in carried.items() if len(one.records) > 2 * cap]
    crowds = marks.visible(tx, crowded, cap + 1)  # (2)
    for mark, some in crowds.items():
        carried[mark] = Shared(carried[mark].kind, some if len(some) <= cap else [])
    known = records.by_key(tx, sorted({key for mark in carried.values() for key in mark.records}))
    if aside:
        known = {key: row for key, row in known.items() if row.batch_pk not in aside}
    fresh = {key for key, row in known.items() if row.batch_pk in batches}
    found = _collect(carried, known, fresh, cap, many)
    common = [mark for mark in crowded if len(crowds.get(mark, ())) > cap]
    return replace(found, too_common=found.too_common + len(crowded), common=(*found.common, *common))


def _collect(
    carried: Mapping[bytes, Shared],
    known: Mapping[int, StoredRecord],
    fresh: set[int],
    cap: int,
    many: Collection[bytes],
) -> Found:
    """The pairs by what they share. Marks with the same carriers, as those of one person are, cost once.

    Of `many` marks so many records have one that some are left out.
    """
    too_common, common = 0, list[bytes]()
    live = {key for key, row in known.items() if row.state == "active"}
    hidden = {key for key in live if decode_marking(known[key].marking).embargoed}
    together: dict[tuple[int, ...], list[bytes]] = defaultdict(list)
    for mark, one in carried.items():
        together[tuple(one.records)].append(mark)
    shared: dict[tuple[int, int], list[SharedToken]] = defaultdict(list)
    said: dict[tuple[int, int], list[bytes]] = defaultdict(list)
    for who, some in together.items():
        crowd = _crowd(live.intersection(who), known, hidden, fresh, cap)
        if crowd.too_common:
            too_common += len(some)
        if crowd.common:
            common += some
        for ends, frequency, agencies in crowd.pairs:
            shared[ends] += [SharedToken(carried[mark].kind, frequency, agencies) for mark in some]
            said[ends] += some
    pairs = [
        Pair(known[low], known[high], tuple(sorted(one)))
        for (low, high), one in sorted(shared.items())
        if _still(known[low].marks, known[high].marks, said[low, high], many)  # (4)
    ]
    return Found(tuple(pairs), too_common, tuple(common))


def _still(low: bytes, high: bytes, said: Sequence[bytes], many: Collection[bytes]) -> bool:
    """Whether two records carry together what the index said of them, and else `many` at most."""
    both = set(split(low)).intersection(split(high))
    return both.issuperset(said) and both.difference(said).issubset(many)


class _Crowd(NamedTuple):
    """What the carriers of a mark come to: pairs (low, high), each with frequency and number of agencies.

    `common`: too many of them are under no embargo; `too_common`: too many are, one way or the other.
    """

    too_common: bool
    common: bool
    pairs: tuple[tuple[tuple[int, int], int, int], ...] = ()


def _crowd(
    live: set[int], known: Mapping[int, StoredRecord], hidden: set[int], fresh: set[int], cap: int
) -> _Crowd:
    visible = live - hidden
    if len(visible) > cap:
        return _Crowd(too_common=True, common=True)
    too_many_hidden = len(live) - len(visible) > cap  # concerns the director's desk alone
    if too_many_hidden:
        live = visible
    pairs: list[tuple[tuple[int, int], int, int]] = []
    for new in live & fresh:
        for old in live:
            if (old in fresh and old > new) or not _pairable(known[new], known[old]):
                continue  # a pair that both sides are new in comes up once
            counted = visible | {new, old}
            if len(counted) <= cap:
                agencies = len({known[key].agency for key in counted})
                pairs.append(((min(new, old), max(new, old)), len(counted), agencies))
    return _Crowd(too_many_hidden, common=False, pairs=tuple(pairs))


def _pairable(new: StoredRecord, old: StoredRecord) -> bool:
    """Records of different agencies in one domain; no record is a pair with itself."""
    return new.agency != old.agency and new.domain == old.domain
