"""Score one pair of records from what their shared tokens prove (Fellegi and Sunter, JASA 1969).

Steps of `score`: (1) to (3) what is proven, field by field, in bits (`evidence`), and more where a closer
look was taken at the pair (`closer`); (4) the prior from the population; (5) a discount where even the
rarest shared token is common; (6) a ceiling for namesakes, homes, twins, families and sons named as their
father; (7) the hard rules decide what the sum may become: match, candidate or nothing.

Hard rules
----------
1. Same person: at least two of surname, given name and birth date are proven beyond initials (a year alone is
   no birth date), and the birth date or a number is: the national number or a document; where a birth date
   is missing, a phone, account or e-mail too. An address is none of these. Names alone, names with an
   address, and a number without two of them, make a candidate at most, in band *possible* at most. So does
   whoever may be kin: surname and birth date without the given name (twins), both names at one address with
   another birth date (father and son). Surname and address alone are nothing.
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
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final, NamedTuple

from passerelle.catalogue import catalogue
from passerelle.chances import decode_chances
from passerelle.groups import EntityKind
from passerelle.notification import Band, Relation
from passerelle_hub.match import kin
from passerelle_hub.match.change import decode_change
from passerelle_hub.match.closer import CloserTable, closer_table, refine
from passerelle_hub.match.evidence import (
    ADDRESS,
    FIELDS,
    PART,
    Evidence,
    FieldEvidence,
    Reader,
    total,
)
from passerelle_hub.match.paired import Paired, beside
from passerelle_hub.match.population import Population
from passerelle_hub.match.weights import Weights, weights

_PERSONAL: Final = ("phone", "account", "email")
_ORDINARY_FREQUENCY: Final = 2
COMMONNESS: Final = "commonness"
CEILING: Final = "ceiling"
PRIOR: Final = "prior"


class Verdict(StrEnum):
    """What the hard rules let a link be: notified, shown as a candidate where policy says so, or nothing."""

    MATCH = "match"
    CANDIDATE = "candidate"
    NONE = "none"


_RELATIONS: Final[Mapping[EntityKind, Relation]] = {
    EntityKind.PERSON: Relation.SAME_PERSON,
    EntityKind.ORGANISATION: Relation.SAME_ORGANISATION,
}


class SharedToken(NamedTuple):
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
class Score:
    """The verdict on a pair. `bits` is the base-2 logarithm of the odds; `evidence` sums up to it."""

    bits: float
    probability: float
    band: Band
    verdict: Verdict
    relation: Relation
    evidence: tuple[FieldEvidence, ...]

    @property
    def shows(self) -> Paired:
        """What the pair says about its population."""
        return _shown(self.relation, self.bits >= weights().strong, self.evidence)


@lru_cache(maxsize=4096)
def _shown(relation: Relation, strong: bool, evidence: tuple[FieldEvidence, ...]) -> Paired:
    if relation is Relation.SHARED_MEANS:
        return Paired()
    link = Paired(links=int(strong))
    person = relation is Relation.SAME_PERSON
    return link + beside({row.field: row.level for row in evidence}) if person else link


class Scorer:
    """Scores pairs by one table of weights. Safe to share between threads."""

    def __init__(self, table: Weights, closer: CloserTable | None = None) -> None:
        self._table = table
        self.version = table.version
        self._closer = closer or closer_table()
        self._reader = Reader(table)

    def score(
        self,
        shared: Sequence[SharedToken],
        kinds_a: frozenset[int],
        kinds_b: frozenset[int],
        entity_a: EntityKind,
        entity_b: EntityKind,
        population: Population,
        compared: Mapping[str, str] | None = None,
    ) -> Score:
        """Score a pair.

        Args:
            shared: the tokens that both records carry.
            kinds_a: the kinds of which the first record has a token, `kinds_b` the second one.
            entity_a: what the first record is about, `entity_b` the second one.
            population: what the prior is taken from.
            compared: field to level, where a closer look was taken at the pair.

        Raises:
            PasserelleError: `key_kind_unknown`, a kind that the catalogue does not have.
        """
        table = self._table
        entity = entity_a if entity_a is entity_b else None
        kinds = tuple(sorted(token.kind_id for token in shared))
        found = self._reader.read(kinds, kinds_a & kinds_b, entity)  # (1) (2) (3)
        if compared and entity is EntityKind.PERSON:
            found = refine(found, compared, self._closer)
        same: Score | None = None
        if entity is not None and entity in FIELDS:
            same = _same(_RELATIONS[entity], found, population, _rarest(shared, FIELDS[entity]), table)
        settled = same is not None and same.verdict is Verdict.MATCH
        if not settled and not table.means.keys().isdisjoint(found.proven):
            tie = _means(found.proven, _rarest(shared, table.means), table)
            if same is None or same.verdict is Verdict.NONE or tie.verdict is Verdict.MATCH:
                return tie
        return same or Score(0.0, 0.5, Band.WEAK, Verdict.NONE, Relation.SHARED_MEANS, ())


@lru_cache(maxsize=16)
def scorer(stated: tuple[bytes, ...] = (), change: bytes = b"") -> Scorer:
    """The scorer by the shipped table with a change laid over it and what connectors stated."""
    table = decode_change(change).over(weights()) if change else weights()
    return Scorer(table.measured(tuple(map(decode_chances, stated))))


def weights_version(population: Population) -> str:
    """The version of the weights that a population is scored by."""
    return scorer(population.stated, population.change).version


def score(
    shared: Sequence[SharedToken],
    kinds_a: frozenset[int],
    kinds_b: frozenset[int],
    entity_a: EntityKind,
    entity_b: EntityKind,
    population: Population,
    compared: Mapping[str, str] | None = None,
) -> Score:
    """Score a pair by the shipped table and what the population's connectors stated: see `Scorer.score`.

    Raises:
        PasserelleError: `key_kind_unknown`.
    """
    if not compared:
        return _score(tuple(shared), kinds_a, kinds_b, entity_a, entity_b, population)
    return scorer(population.stated, population.change).score(
        shared, kinds_a, kinds_b, entity_a, entity_b, population, compared
    )


@lru_cache(maxsize=4096)  # of thousands of pairs most are told apart by their records alone
def _score(
    shared: tuple[SharedToken, ...],
    kinds_a: frozenset[int],
    kinds_b: frozenset[int],
    entity_a: EntityKind,
    entity_b: EntityKind,
    population: Population,
) -> Score:
    return scorer(population.stated, population.change).score(
        shared, kinds_a, kinds_b, entity_a, entity_b, population
    )


def _rarest(shared: Sequence[SharedToken], fields: Collection[str]) -> int:
    """The commonness of the rarest shared token that proves one of the fields."""
    book = catalogue()
    held = (
        token.commonness
        for token in shared
        if any(proof.field in fields for proof in book.kind(token.kind_id).proves)
    )
    return min(held, default=_ORDINARY_FREQUENCY)


def _commonness(rarest: int, table: Weights) -> Iterator[FieldEvidence]:
    """Step (5): each doubling of the rarest shared token's frequency takes the same number of bits."""
    if rarest > _ORDINARY_FREQUENCY:
        bits = -table.doubling * math.log2(rarest / _ORDINARY_FREQUENCY)
        yield FieldEvidence(COMMONNESS, "", round(bits, 2))


def _same(relation: Relation, found: Evidence, population: Population, rarest: int, table: Weights) -> Score:
    """Steps (4) to (7) for rules 1, 2 and 4."""
    levels, person = found.levels, relation is Relation.SAME_PERSON
    prior = FieldEvidence(PRIOR, "", population.prior_bits)  # (4)
    full = _person_rule(found) if person else _organisation_rule(found.proven)
    rows = [*found.rows, prior, *(_commonness(rarest, table) if full else ())]  # (5)
    home = total(row for row in found.rows if row.field in ADDRESS) - table.home - population.home_bits  # (6)
    if home > 0:
        rows.append(FieldEvidence(CEILING, "", round(-home, 2)))
    related = kin.relation(levels) if person else ""
    most = math.inf
    if related:
        most = kin.ceiling(levels, table, population.rarer, population.alone, population.home_bits)
    ceiling = min(most, -math.log2(rarest - 1) if not full and rarest > _ORDINARY_FREQUENCY else math.inf)
    against = total(row for row in rows if row.field in kin.BENEATH and row.bits < 0) if related else 0.0
    if (excess := total(rows) - against - ceiling) > 0:
        rows.append(FieldEvidence(CEILING, "", round(-excess, 2)))
    bits = round(total(rows), 2)
    band = table.band(bits)
    state = Verdict.NONE  # (7)
    if band is not Band.WEAK and found.proven:
        may_be_kin = related not in {"", "twins_initial"}
        state = Verdict.MATCH if full and not may_be_kin else Verdict.CANDIDATE
    if state is Verdict.CANDIDATE:
        band = Band.POSSIBLE
    return Score(bits, _probability(bits), band, state, relation, tuple(rows))


def _person_rule(found: Evidence) -> bool:
    """Rule 1: enough for a match, not only for a candidate."""
    levels = found.levels
    pieces = kin.names(levels)
    if not pieces and PART in levels:
        pieces = {PART}
    born = found.proven.get("birth", kin.YEAR) != kin.YEAR  # a year alone is no birth date
    if born:
        pieces.add("birth")
    anchors = kin.NUMBERS if "birth" in levels else (*kin.NUMBERS, *_PERSONAL)
    return len(pieces) >= 2 and (born or any(field in found.proven for field in anchors))


def _organisation_rule(proven: Mapping[str, str]) -> bool:
    """Rule 2."""
    return "organisation_number" in proven or {"organisation_name", "locality"} <= proven.keys()


def _means(proven: Mapping[str, str], rarest: int, table: Weights) -> Score:
    """Step (7) for rules 3 and 4. Bits are stated for the tie as a whole, so there is no prior."""
    rows = [FieldEvidence(f, level, table.means[f]) for f, level in proven.items() if f in table.means]
    rows.extend(_commonness(rarest, table))
    bits = round(total(rows), 2)
    band = table.band(bits)
    state = Verdict.NONE
    if band is not Band.WEAK:
        alone = {item.field for item in rows} <= {"ip_address", "number", COMMONNESS}
        state = Verdict.CANDIDATE if alone else Verdict.MATCH
    return Score(bits, _probability(bits), band, state, Relation.SHARED_MEANS, tuple(rows))


def _probability(bits: float) -> float:
    return 1.0 / (1.0 + math.exp2(-max(min(bits, 60.0), -60.0)))
