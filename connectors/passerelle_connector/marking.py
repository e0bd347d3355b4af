"""The marking of a row: constants of `[marking]`, overridden by what the row itself says.

Rules
-----
1. `[marking]` holds constants for every row; `[map]` may name the same targets, and a row that has a value
   there overrides the constant.
2. A code outside its vocabulary refuses the row. A marking is never guessed and never weakened.
3. The age band is computed, from the birth date at the date of collection (or of submission, where none is
   given); of several birth dates the one that makes the subject youngest counts.

Times are microseconds (UTC); dates in rows are ISO 8601 (date, or date and time).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final, TypeVar

from passerelle.clock import SECOND, moment
from passerelle.errors import PasserelleError
from passerelle.marking import (
    AgeBand,
    Basis,
    Classification,
    Grading,
    Handling,
    Marking,
    SubjectCategory,
    TerCategory,
    Tlp,
)
from passerelle.record import Lifetime
from passerelle_connector.sources.mapping import Codes, cells

MARKING_TARGETS: Final = frozenset(
    {
        "classification", "handling", "handling_condition", "tlp", "ter_category", "subject_category",
        "basis", "reliability", "credibility", "purposes", "legal_basis", "case_reference", "age_band",
        "embargo_basis", "special_categories", "releasable_to",
    }
)  # fmt: skip
LIFETIME_TARGETS: Final = frozenset({"collected", "valid_until", "review", "expiry"})
TARGETS: Final = MARKING_TARGETS | LIFETIME_TARGETS
_SEVERAL: Final = frozenset({"purposes", "special_categories", "releasable_to"})
_DEFAULTS: Final[Codes] = {
    "classification": ("unclassified",), "handling": ("H1",), "tlp": ("amber",), "ter_category": ("none",),
    "subject_category": ("other",), "basis": ("fact",), "reliability": ("X",), "credibility": ("4",),
    "age_band": ("unknown",),
}  # fmt: skip
_MINOR, _CHILD = 18, 12
_Codes = TypeVar("_Codes", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class MarkingPlan:
    """The compiled `[marking]` table."""

    constants: Codes

    @classmethod
    def compile(cls, table: Mapping[str, Any]) -> MarkingPlan:
        """Check the constants and keep them.

        Raises:
            PasserelleError: `mapping_invalid`, an unknown target or a code outside its vocabulary.
        """
        if unknown := sorted(table.keys() - TARGETS):
            raise PasserelleError("mapping_invalid", f"marking.{unknown[0]}: unknown target")
        constants = {**_DEFAULTS, **{name: _texts(name, value) for name, value in table.items()}}
        plan = cls(constants)
        try:
            plan.mark({}, AgeBand.UNKNOWN)
            plan.lifetime({}, created=0)
        except PasserelleError as error:
            raise PasserelleError("mapping_invalid", f"marking.{error.detail}") from error
        return plan

    def mark(self, row: Codes, age_band: AgeBand) -> Marking:
        """The marking of one row. `age_band` as computed; unknown leaves what the row or the table says.

        Raises:
            PasserelleError: `row_marking_invalid`, the detail names the target.
        """
        marking = _parse(tuple(sorted({**self.constants, **_only(row, MARKING_TARGETS)}.items())))
        return marking if age_band is AgeBand.UNKNOWN else replace(marking, age_band=age_band)

    def lifetime(self, row: Codes, created: int) -> Lifetime:
        """The dates of one row; the revision is `created` (microseconds) now.

        Raises:
            PasserelleError: `row_marking_invalid`, the detail names the target.
        """
        values = _only(self.constants, LIFETIME_TARGETS) | _only(row, LIFETIME_TARGETS)
        return Lifetime(created=created, **{name: _instant(name, value) for name, value in values.items()})


def age_band(births: Iterable[str], at: int) -> AgeBand:
    """The band of a subject born at ISO dates (`YYYY`, `YYYY-MM`, `YYYY-MM-DD`), at a time (microseconds).

    Where only year or month are known, the latest day they allow is taken: protection where there is doubt.
    """
    ages = [_age(born, moment(at).date()) for born in births]
    if not ages:
        return AgeBand.UNKNOWN
    youngest = min(ages)
    if youngest < _CHILD:
        return AgeBand.UNDER_TWELVE
    return AgeBand.MINOR if youngest < _MINOR else AgeBand.ADULT


def _age(born: str, today: date) -> int:
    year, month, day = (*map(int, born.split("-")), 99, 99)[:3]
    return today.year - year - ((today.month, today.day) < (month, day))


def _texts(name: str, value: Any) -> tuple[str, ...]:
    found = cells(value)
    if any(not isinstance(cell, str) for cell in found):
        raise PasserelleError("mapping_invalid", f"marking.{name}: no text")
    return tuple(str(cell) for cell in found)


def _only(values: Codes, targets: frozenset[str]) -> dict[str, tuple[str, ...]]:
    return {name: value for name, value in values.items() if name in targets}


def _instant(name: str, value: tuple[str, ...]) -> int:
    if len(value) != 1:
        raise PasserelleError("row_marking_invalid", name)
    try:
        found = datetime.fromisoformat(value[0])
    except ValueError as error:
        raise PasserelleError("row_marking_invalid", name) from error
    aware = found if found.tzinfo else found.replace(tzinfo=UTC)
    return int(aware.timestamp()) * SECOND


@lru_cache(maxsize=4096)  # a partner uses a few hundred distinct markings
def _parse(items: tuple[tuple[str, tuple[str, ...]], ...]) -> Marking:
    values = dict(items)
    single: dict[str, str] = {}
    for name, value in items:
        if name not in _SEVERAL and name in MARKING_TARGETS:
            if len(value) > 1:
                raise PasserelleError("row_marking_invalid", name)
            single[name] = value[0] if value else ""
    for name in ("legal_basis", "purposes"):
        if not values.get(name):
            raise PasserelleError("row_marking_invalid", name)
    return Marking(
        classification=_classification(single["classification"]),
        handling=_code(Handling, "handling", single["handling"].upper()),
        handling_condition=single.get("handling_condition", ""),
        tlp=_code(Tlp, "tlp", single["tlp"].lower()),
        ter_category=_code(TerCategory, "ter_category", single["ter_category"].lower()),
        subject_category=_code(SubjectCategory, "subject_category", single["subject_category"].lower()),
        basis=_code(Basis, "basis", single["basis"].lower()),
        grading=_grading(single["reliability"].upper(), single["credibility"]),
        purposes=values["purposes"],
        legal_basis=single["legal_basis"],
        case_reference=single.get("case_reference", ""),
        age_band=_code(AgeBand, "age_band", single["age_band"].lower()),
        embargo_basis=single.get("embargo_basis", ""),
        special_categories=values.get("special_categories", ()),
        releasable_to=values.get("releasable_to", ()),
    )


def _classification(text: str) -> Classification:
    name = text.upper().replace(" ", "_").replace("-", "_")
    if name not in Classification.__members__:
        raise PasserelleError("row_marking_invalid", "classification")
    return Classification[name]


def _grading(reliability: str, credibility: str) -> Grading:
    try:
        return Grading(reliability, int(credibility))
    except (ValueError, PasserelleError) as error:
        raise PasserelleError("row_marking_invalid", "reliability, credibility") from error


def _code(vocabulary: type[_Codes], name: str, text: str) -> _Codes:
    try:
        return vocabulary(text)
    except ValueError as error:
        raise PasserelleError("row_marking_invalid", name) from error
