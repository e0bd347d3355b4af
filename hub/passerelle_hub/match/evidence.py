"""What the shared tokens of two records prove, field by field, in bits: steps (1) to (3) of a score.

Rules
-----
1. A field's level is the strongest that any shared token proves. Where none does, the field *disagrees* if
   both records have tokens of a kind that would be equal if it agreed, because all else in that kind is
   proven; otherwise it is *absent* and says nothing.
2. A name is read once: as surname and given name, as a whole, or by parts of which it is not known whether
   they are surname or given name. Of readings that say the same, the better one counts; a part alone is read
   only where neither surname nor given name is proven.
3. Postcode and locality are one place: the better one counts. Who has moved differs in every part of the
   address at once: of the parts that disagree, one counts.
4. Levels that no common kind can tell apart count as one: where names come unsplit, that they agree in any
   order may be that each is equal, and that initials agree may be that one name sounds alike.
5. Where given name or birth date speak against one person, what a household shares (a phone, a car) is no
   evidence for one.

Pure, and the same for each pair that shares the same kinds: results are remembered by kinds, not by pair.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, NamedTuple

from passerelle.catalogue import Catalogue, Proof, catalogue
from passerelle.groups import EntityKind
from passerelle_hub.match.weights import DISAGREE, Weights

NAMES: Final = ("surname", "given")
WHOLE: Final = "full_name"
PART: Final = "name_part"
BOTH: Final = "both"
INITIAL: Final = "initial"
PLACE: Final = ("postcode", "locality")
ADDRESS: Final = (*PLACE, "street", "house_number")
_EXACT: Final = "exact"
_SWAPPED: Final = "swapped"
_SUPPORT: Final = ("phone", "email", "account", "vehicle", "device", "wallet", "handle", "ip_address")
_PERSON: Final = (
    "number",
    "document",
    *NAMES,
    WHOLE,
    PART,
    "birth",
    "middle",
    "sex",
    *ADDRESS,
    *_SUPPORT,
)
FIELDS: Final[Mapping[EntityKind, tuple[str, ...]]] = {
    EntityKind.PERSON: _PERSON,
    EntityKind.ORGANISATION: ("organisation_number", "organisation_name", "locality", *_SUPPORT),
}
_PHONETIC: Final = "phonetic"
_UNSPLIT: Final[Mapping[str, tuple[str, ...]]] = {
    _SWAPPED: (_SWAPPED, _EXACT, _PHONETIC),
    INITIAL: (INITIAL, "first3", _PHONETIC),
}
_REMEMBERED: Final = 65_536


class FieldEvidence(NamedTuple):
    """One bar of the waterfall: a field, the level proven (or `disagree`), its bits."""

    field: str
    level: str
    bits: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """`proven`: field to its strongest level. `rows`: what counts, with disagreements, in bits."""

    proven: Mapping[str, str]
    rows: tuple[FieldEvidence, ...]

    @property
    def levels(self) -> Mapping[str, str]:
        """The level that counts of each field."""
        return {row.field: row.level for row in self.rows}


class Reader:
    """Reads evidence by one table of weights and remembers it by kinds.

    Safe to share between threads: two that read the same at once find the same.
    """

    def __init__(self, table: Weights) -> None:
        self.table = table
        self._remembered: dict[tuple[tuple[int, ...], frozenset[int], EntityKind | None], Evidence] = {}

    def read(self, shared: tuple[int, ...], common: frozenset[int], entity: EntityKind | None) -> Evidence:
        """What tokens of the kinds `shared` (each as often as shared) prove.

        Args:
            shared: kind ids, sorted.
            common: the kinds of which both records have tokens.
            entity: what both records are about; None where they differ, then nothing is weighed.

        Raises:
            PasserelleError: `key_kind_unknown`, a kind that the catalogue does not have.
        """
        key = (shared, common, entity)
        found = self._remembered.get(key)
        if found is None:
            if len(self._remembered) >= _REMEMBERED:
                self._remembered.clear()
            proven = _proven(shared, catalogue(), self.table)
            fields = FIELDS.get(entity) if entity else None
            rows = _rows(proven, common, fields, self.table) if fields else []
            found = self._remembered[key] = Evidence(proven, tuple(rows))
        return found


def _proven(shared: Sequence[int], book: Catalogue, table: Weights) -> dict[str, str]:
    """Rule 1: field to its strongest level, where strongest means most bits."""
    best: dict[str, str] = {}
    for kind in dict.fromkeys(shared):
        for proof in book.kind(kind).proves:
            level = BOTH if proof.field == PART and shared.count(kind) > 1 else proof.level
            levels = table.fields[proof.field]
            held = best.get(proof.field)
            if held is None or levels[level] > levels[held]:
                best[proof.field] = level
    return best


@cache
def _tests() -> Mapping[str, tuple[tuple[int, tuple[Proof, ...]], ...]]:
    """Per field: the kinds that can prove it, each with what else must agree for its tokens to be equal."""
    found: dict[str, list[tuple[int, tuple[Proof, ...]]]] = {}
    for kind in catalogue().kinds.values():
        for proof in kind.proves:
            others = tuple(other for other in kind.proves if other.field != proof.field)
            found.setdefault(proof.field, []).append((kind.id, others))
    return {field: tuple(kinds) for field, kinds in found.items()}


@cache
def _split() -> frozenset[int]:
    """The kinds that tell how far surname or given name agrees, each for itself, beyond its initial."""
    return frozenset(
        kind.id
        for kind in catalogue().kinds.values()
        for proof in kind.proves
        if proof.field in NAMES and proof.level not in _UNSPLIT
    )


def _disagrees(field: str, common: frozenset[int], proven: Mapping[str, str]) -> bool:
    """Rule 1: whether some kind both records have would be shared if this field agreed."""
    return any(
        kind in common and all(_implied(proven, other) for other in others)
        for kind, others in _tests().get(field, ())
    )


def _implied(proven: Mapping[str, str], wanted: Proof) -> bool:
    """Whether a proven level includes another: exact includes all but names in another order."""
    level = proven.get(wanted.field, "")
    if wanted.field == PART:
        return PART in proven or any(proven.get(name, "") in {_EXACT, wanted.level} for name in NAMES)
    if level == wanted.level:
        return True
    return wanted.level != _SWAPPED and (level == _EXACT or (level == "first3" and wanted.level == INITIAL))


def _rows(
    proven: Mapping[str, str], common: frozenset[int], fields: Sequence[str], table: Weights
) -> list[FieldEvidence]:
    found: list[FieldEvidence] = []
    for field in fields:
        level = proven.get(field) or (DISAGREE if _disagrees(field, common, proven) else "")
        if level in table.fields[field]:
            unsplit = field in NAMES and common.isdisjoint(_split())
            merged = _UNSPLIT.get(level, (level,)) if unsplit else (level,)  # rule 4
            bits = table.merged(field, merged) if len(merged) > 1 else table.fields[field][level]
            found.append(FieldEvidence(field, level, bits))
    if "given" in fields:
        found = list(_one_reading(found))  # rule 2
        found = list(one_move(found))  # rule 3
        if _another_of_the_household(found):
            found = [row for row in found if row.field not in _SUPPORT]  # rule 5
    return found


def total(rows: Iterable[FieldEvidence]) -> float:
    """The sum of the bits."""
    return sum(row.bits for row in rows)


def _one_reading(found: Sequence[FieldEvidence]) -> Iterator[FieldEvidence]:
    """Rule 2."""
    split, whole, part = (_of(found, fields) for fields in (NAMES, (WHOLE,), (PART,)))
    sure = sum(row.level not in {INITIAL, DISAGREE} for row in split)
    if part and (sure >= 2 or (sure and part[0].level != BOTH)):
        part = []
    best = max((split, whole, part), key=lambda rows: (bool(rows), total(rows)))
    if not best:
        best = split
    unread = {*NAMES, WHOLE, PART} - {row.field for row in best}
    return (row for row in found if row.field not in unread)


def one_move(found: Sequence[FieldEvidence]) -> Iterator[FieldEvidence]:
    """Rule 3: the rows, of an address one disagreement at most."""
    place = _of(found, PLACE)
    better = max(place, key=lambda row: row.bits, default=None)
    rest = [row for row in found if row.field not in PLACE or row is better]
    moved = [row for row in _of(rest, ADDRESS) if row.level == DISAGREE]
    heaviest = min(moved, key=lambda row: row.bits, default=None)
    return (row for row in rest if row not in moved or row is heaviest)


def _of(found: Sequence[FieldEvidence], fields: Collection[str]) -> list[FieldEvidence]:
    return [row for row in found if row.field in fields]


def _another_of_the_household(found: Sequence[FieldEvidence]) -> bool:
    levels = {row.field: row.level for row in found}
    known = levels.get(PART) == BOTH or WHOLE in levels
    given = levels.get("given", _EXACT if known else DISAGREE)
    return given in {DISAGREE, INITIAL} or levels.get("birth") == DISAGREE
