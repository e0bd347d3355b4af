"""Score one pair of records from what their shared tokens prove (Fellegi and Sunter, JASA 1969).

Steps of `score`: (1) per field, the strongest level that any shared token proves; (2) a field that none
proves *disagrees* where both have tokens of a kind that would be equal if it agreed, because all else in
that kind is proven; otherwise it is *absent*, and says nothing; (3) each field's bits from the shipped
table; whole-name evidence stands for surname and given name and never adds to them; (4) the prior from the
population; (5) a discount where even the rarest shared token is common; (6) a ceiling for namesakes and
twins; (7) the hard rules decide what the sum may become: match, candidate or nothing.

Hard rules
----------
1. Same person: at least two of surname, given name and birth date are proven beyond initials (a year alone is
   no birth date), and the birth date or a number is: the national number or a document; where a birth date
   is missing, a phone, account or e-mail too. Names alone, and a number without two of them, make a
   candidate at most, in band *possible* at most.
2. Same organisation: its number, or its name with the locality. The name alone makes a candidate,
   *possible* at most.
3. Anything else that two records share (phone, vehicle ...) links them as *shared means* and says nothing
   about who they are. An IP address alone makes a candidate, and so does a national number that two people
   share who have nothing else in common: an error or a fraud, for a human to tell.
4. Band *weak* is never more than nothing.

Pure and deterministic: no store, no clock; two hubs with one table give one answer. No value is known here.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Final

from passerelle.catalogue import Catalogue, Proof, catalogue
from passerelle.groups import EntityKind
from passerelle.notification import Band, Relation
from passerelle_hub.match.weights import DISAGREE, Weights, weights

_NAMES: Final = ("surname", "given")
_WHOLE: Final = "full_name"
_NUMBERS: Final = ("number", "document")
_PERSONAL: Final = ("phone", "account", "email")
_INITIAL: Final = "initial"
_YEAR: Final = "year"
_EXACT: Final = "exact"
_SWAPPED: Final = "swapped"
_ORDINARY_FREQUENCY: Final = 2
COMMONNESS: Final = "commonness"
CEILING: Final = "ceiling"
PRIOR: Final = "prior"


class Verdict(StrEnum):
    """What the hard rules let a link be: notified, shown as a candidate where policy says so, or nothing."""

    MATCH = "match"
    CANDIDATE = "candidate"
    NONE = "none"


_SUPPORT: Final = ("phone", "email", "account", "vehicle", "device", "wallet", "handle", "ip_address")
_FIELDS: Final[Mapping[EntityKind, tuple[str, ...]]] = {
    EntityKind.PERSON: (
        "number",
        "document",
        "surname",
        "given",
        _WHOLE,
        "birth",
        "middle",
        "sex",
        *_SUPPORT,
    ),
    EntityKind.ORGANISATION: ("organisation_number", "organisation_name", "locality", *_SUPPORT),
}
_RELATIONS: Final[Mapping[EntityKind, Relation]] = {
    EntityKind.PERSON: Relation.SAME_PERSON,
    EntityKind.ORGANISATION: Relation.SAME_ORGANISATION,
}


@dataclass(frozen=True, slots=True)
class SharedToken:
    """A token that both records carry: its kind, how many records of how many agencies carry it in all.

    Several agencies holding one person is what a federation is for; it is several records of one agency
    that make a token common.
    """

    kind_id: int
    frequency: int
    agencies: int = 2

    @property
    def commonness(self) -> int:
        """Records that carry the token as if each further agency held it once: 2 is the rarest."""
        return max(_ORDINARY_FREQUENCY, self.frequency - max(self.agencies - _ORDINARY_FREQUENCY, 0))


@dataclass(frozen=True, slots=True)
class Population:
    """`records`: how many records the newer one is compared with.

    `share`: how many of them it is expected to match.
    """

    records: int
    share: float = 0.1

    @property
    def prior_bits(self) -> float:
        """Base-2 logarithm of the odds that a random pair is a link."""
        return round(math.log2(self.share / max(self.records, 1)), 2)


@dataclass(frozen=True, slots=True)
class FieldEvidence:
    """One bar of the waterfall: a field, the level proven (or `disagree`), its bits."""

    field: str
    level: str
    bits: float


@dataclass(frozen=True, slots=True)
class Score:
    """The verdict on a pair. `bits` is the base-2 logarithm of the odds; `evidence` sums up to it."""

    bits: float
    probability: float
    band: Band
    verdict: Verdict
    relation: Relation
    evidence: tuple[FieldEvidence, ...]


def score(
    shared: Sequence[SharedToken],
    kinds_a: frozenset[int],
    kinds_b: frozenset[int],
    entity_a: EntityKind,
    entity_b: EntityKind,
    population: Population,
) -> Score:
    """Score a pair.

    Args:
        shared: the tokens that both records carry.
        kinds_a: the kinds of which the first record has a token, `kinds_b` the second one.
        entity_a: what the first record is about, `entity_b` the second one.
        population: what the prior is taken from.

    Raises:
        PasserelleError: `key_kind_unknown`, a kind that the catalogue does not have.
    """
    table = weights()
    proven = _proven(shared, catalogue(), table)
    same: Score | None = None
    if entity_a is entity_b and entity_a in _FIELDS:
        evidence = _evidence(proven, kinds_a & kinds_b, _FIELDS[entity_a], table)
        evidence.append(FieldEvidence(PRIOR, "", population.prior_bits))
        rarest = _rarest(shared, _FIELDS[entity_a])
        same = _same(_RELATIONS[entity_a], proven, evidence, rarest, table)
    if (same is None or same.verdict is Verdict.NONE) and any(field in table.means for field in proven):
        return _means(proven, _rarest(shared, table.means), table)
    return same or Score(0.0, 0.5, Band.WEAK, Verdict.NONE, Relation.SHARED_MEANS, ())


def _rarest(shared: Sequence[SharedToken], fields: Collection[str]) -> int:
    """The commonness of the rarest shared token that proves one of the fields."""
    book = catalogue()
    held = (
        token.commonness
        for token in shared
        if any(proof.field in fields for proof in book.kind(token.kind_id).proves)
    )
    return min(held, default=_ORDINARY_FREQUENCY)


@cache
def _tests() -> Mapping[str, tuple[tuple[int, tuple[Proof, ...]], ...]]:
    """Per field: the kinds that can prove it, each with what else must agree for its tokens to be equal."""
    found: dict[str, list[tuple[int, tuple[Proof, ...]]]] = {}
    for kind in catalogue().kinds.values():
        for proof in kind.proves:
            others = tuple(other for other in kind.proves if other.field != proof.field)
            found.setdefault(proof.field, []).append((kind.id, others))
    return {field: tuple(kinds) for field, kinds in found.items()}


def _disagrees(field: str, common: frozenset[int], proven: Mapping[str, str]) -> bool:
    """Step (2): whether some kind both records have would be shared if this field agreed."""
    return any(
        kind in common and all(_implied(proven.get(other.field, ""), other.level) for other in others)
        for kind, others in _tests().get(field, ())
    )


def _implied(proven: str, level: str) -> bool:
    """Whether a proven level includes another: exact includes all but names in another order."""
    if proven == level:
        return True
    return level != _SWAPPED and (proven == _EXACT or (proven == "first3" and level == _INITIAL))


def _proven(shared: Sequence[SharedToken], book: Catalogue, table: Weights) -> dict[str, str]:
    """Step (1): field to its strongest level, where strongest means most bits."""
    best: dict[str, str] = {}
    for token in shared:
        for proof in book.kind(token.kind_id).proves:
            levels = table.fields[proof.field]
            held = best.get(proof.field)
            if held is None or levels[proof.level] > levels[held]:
                best[proof.field] = proof.level
    return best


def _evidence(
    proven: Mapping[str, str], common: frozenset[int], fields: Sequence[str], table: Weights
) -> list[FieldEvidence]:
    """Steps (2) and (3)."""
    found: list[FieldEvidence] = []
    for field in fields:
        level = proven.get(field) or (DISAGREE if _disagrees(field, common, proven) else "")
        if level in table.fields[field]:
            found.append(FieldEvidence(field, level, table.fields[field][level]))
    if "given" in fields and _another_of_the_household(found):
        found = [item for item in found if item.field not in _SUPPORT]
    names = [item for item in found if item.field in _NAMES]
    whole = [item for item in found if item.field == _WHOLE]
    if names and whole:  # one piece of evidence, seen twice: the better reading counts
        worse = names if _sum(whole) > _sum(names) else whole
        found = [item for item in found if item not in worse]
    return found


def _another_of_the_household(found: Sequence[FieldEvidence]) -> bool:
    """Whether given name or birth date speak against one person.

    Then a shared phone or car is just the household's.
    """
    levels = {item.field: item.level for item in found}
    given = levels.get("given", "exact" if _WHOLE in levels else DISAGREE)
    return given in {DISAGREE, _INITIAL} or levels.get("birth") == DISAGREE


def _commonness(rarest: int, table: Weights) -> Iterator[FieldEvidence]:
    """Step (5): each doubling of the rarest shared token's frequency takes the same number of bits."""
    if rarest > _ORDINARY_FREQUENCY:
        bits = -table.doubling * math.log2(rarest / _ORDINARY_FREQUENCY)
        yield FieldEvidence(COMMONNESS, "", round(bits, 2))


def _same(
    relation: Relation, proven: Mapping[str, str], evidence: list[FieldEvidence], rarest: int, table: Weights
) -> Score:
    """Steps (5) to (7) for rules 1, 2 and 4."""
    dated = any(item.field == "birth" for item in evidence)
    full = _person_rule(proven, dated) if relation is Relation.SAME_PERSON else _organisation_rule(proven)
    evidence = [*evidence, *_commonness(rarest, table)] if full else evidence
    ceiling = _ceiling(full, rarest, proven, evidence, table)
    if (excess := _sum(evidence) - ceiling) > 0:
        evidence = [*evidence, FieldEvidence(CEILING, "", round(-excess, 2))]
    bits = round(_sum(evidence), 2)
    band = table.band(bits)
    state = Verdict.NONE
    if band is not Band.WEAK and proven:
        state = Verdict.MATCH if full else Verdict.CANDIDATE
    if state is Verdict.CANDIDATE:
        band = Band.POSSIBLE
    return Score(bits, _probability(bits), band, state, relation, tuple(evidence))


def _ceiling(
    full: bool, rarest: int, proven: Mapping[str, str], evidence: Sequence[FieldEvidence], table: Weights
) -> float:
    """Step (6): the most bits that the pair can have, whatever its fields say one by one.

    Namesakes: an agency holds a person once, so of n records that share a name alone one at most is the
    counterpart, and the odds cannot exceed 1 to n - 1 (one more for "none of them"). Twins: they share
    surname and birth date by nature, so where the given name speaks against the pair, chance is not what
    the agreement must be weighed against.
    """
    if not full and rarest > _ORDINARY_FREQUENCY:
        return -math.log2(rarest - 1)
    given = {item.field: item.level for item in evidence}.get("given")
    kin = "surname" in proven and "birth" in proven and not any(number in proven for number in _NUMBERS)
    return table.twins.get(given, math.inf) if kin and given else math.inf


def _person_rule(proven: Mapping[str, str], dated: bool) -> bool:
    """Rule 1: enough for a match, not only for a candidate; `dated`: the birth dates were compared."""
    pieces = {field for field in _NAMES if proven.get(field, _INITIAL) != _INITIAL}
    pieces |= set(_NAMES) if _WHOLE in proven else set()
    if born := proven.get("birth", _YEAR) != _YEAR:  # a year alone is no birth date
        pieces.add("birth")
    anchors = _NUMBERS if dated else (*_NUMBERS, *_PERSONAL)
    return len(pieces) >= 2 and (born or any(field in proven for field in anchors))


def _organisation_rule(proven: Mapping[str, str]) -> bool:
    """Rule 2."""
    return "organisation_number" in proven or {"organisation_name", "locality"} <= proven.keys()


def _means(proven: Mapping[str, str], rarest: int, table: Weights) -> Score:
    """Step (7) for rules 3 and 4. Bits are stated for the tie as a whole, so there is no prior."""
    evidence = [FieldEvidence(f, level, table.means[f]) for f, level in proven.items() if f in table.means]
    evidence.extend(_commonness(rarest, table))
    bits = round(_sum(evidence), 2)
    band = table.band(bits)
    state = Verdict.NONE
    if band is not Band.WEAK:
        alone = {item.field for item in evidence} <= {"ip_address", "number", COMMONNESS}
        state = Verdict.CANDIDATE if alone else Verdict.MATCH
    return Score(bits, _probability(bits), band, state, Relation.SHARED_MEANS, tuple(evidence))


def _sum(evidence: Iterable[FieldEvidence]) -> float:
    return sum(item.bits for item in evidence)


def _probability(bits: float) -> float:
    return 1.0 / (1.0 + math.exp2(-max(min(bits, 60.0), -60.0)))
