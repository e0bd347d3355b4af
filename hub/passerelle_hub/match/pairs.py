"""Which pairs of records share tokens: candidates for a link, found through the index.

Promises
--------
1. Two records of one agency are never paired.
2. A mark carried by more records than the cap is no evidence; it is counted as "too common" and costs no
   work per pair.
3. How common a mark is, is counted over records that both sides may know of: an embargoed record counts
   for the pair it stands in and for no other, so that nobody's score tells of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from passerelle.codec.header import decode_marking
from passerelle_hub.index import MARK_BYTES
from passerelle_hub.match.score import SharedToken
from passerelle_hub.store import Transaction, marks, records
from passerelle_hub.store.marks import MarkRow
from passerelle_hub.store.records import StoredRecord

FREQUENCY_CAP = 20


@dataclass(frozen=True, slots=True)
class Pair:
    """Two records (by key, low first) and the tokens they share."""

    low: StoredRecord
    high: StoredRecord
    shared: tuple[SharedToken, ...]


@dataclass(slots=True)
class Found:
    """What one batch brought up; `too_common` counts marks."""

    pairs: list[Pair] = field(default_factory=list[Pair])
    too_common: int = 0


def find(tx: Transaction, batch: Sequence[StoredRecord], cap: int = FREQUENCY_CAP) -> Found:
    """The pairs between a batch's records and other agencies' records.

    Most marks are carried by one record of the batch and by nobody else; those cost a look-up and no more.
    Equal marks have equal kinds, since the kind is part of what a mark is made from.
    """
    fresh = {row.record_pk for row in batch}
    owners, further = _owners(batch)
    foreign: dict[bytes, list[MarkRow]] = {mark: [] for mark in further}
    for row in marks.holders(tx, sorted(owners), _run(fresh)):
        if row.record_pk not in fresh:
            foreign.setdefault(row.mark, []).append(row)
    carriers: dict[bytes, list[MarkRow]] = {}
    for mark, rows in foreign.items():
        kind = rows[0].kind if rows else 0  # without a foreign row no pair comes of it
        own = (owners[mark], *further.get(mark, ()))
        carriers[mark] = [*rows, *(MarkRow(mark, key, kind) for key in own)]
    involved = {row.record_pk for rows in carriers.values() for row in rows}
    known = {row.record_pk: row for row in batch if row.state == "active" and row.record_pk in involved}
    known |= records.by_key(tx, sorted(involved - fresh))
    return _collect(carriers, known, fresh, cap)


def _run(keys: set[int]) -> tuple[int, int] | None:
    """First and last of keys without a gap, as those of a batch are when nobody else took keys meanwhile."""
    return (min(keys), max(keys)) if keys and max(keys) - min(keys) == len(keys) - 1 else None


def _owners(batch: Sequence[StoredRecord]) -> tuple[dict[bytes, int], dict[bytes, list[int]]]:
    """A record of the batch that carries each mark; and the further ones of marks that have some."""
    owners: dict[bytes, int] = {}
    further: dict[bytes, list[int]] = {}
    for row in batch:
        key, packed = row.record_pk, row.marks
        for at in range(0, len(packed), MARK_BYTES):
            mark = packed[at : at + MARK_BYTES]
            if owners.setdefault(mark, key) != key:
                further.setdefault(mark, []).append(key)
    return owners, further


def _collect(
    carriers: Mapping[bytes, list[MarkRow]], known: Mapping[int, StoredRecord], fresh: set[int], cap: int
) -> Found:
    found = Found()
    hidden = {key for key, row in known.items() if decode_marking(row.marking).embargoed}
    shared: dict[tuple[int, int], list[SharedToken]] = defaultdict(list)
    for rows in carriers.values():
        live = [row for row in rows if row.record_pk in known and known[row.record_pk].state == "active"]
        if len(live) < 2:
            continue
        visible = {row.record_pk for row in live if row.record_pk not in hidden}
        if len(visible) > cap:
            found.too_common += 1
            continue
        if len(live) - len(visible) > cap:  # concerns the director's desk alone
            found.too_common += 1
            live = [row for row in live if row.record_pk in visible]
        for new in (row for row in live if row.record_pk in fresh):
            for old in live:
                if not _pairable(known[new.record_pk], known[old.record_pk], fresh):
                    continue
                counted = visible | {new.record_pk, old.record_pk}
                if len(counted) > cap:
                    continue
                agencies = len({known[key].agency for key in counted})
                low, high = sorted((new.record_pk, old.record_pk))
                shared[low, high].append(SharedToken(new.kind, len(counted), agencies))
    found.pairs = [
        Pair(known[low], known[high], tuple(tokens)) for (low, high), tokens in sorted(shared.items())
    ]
    return found


def _pairable(new: StoredRecord, old: StoredRecord, fresh: set[int]) -> bool:
    """Records of different agencies; two of one batch never are, so a pair comes up once."""
    return new.agency != old.agency and old.record_pk not in fresh and new.domain == old.domain
