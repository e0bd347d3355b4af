"""What a record says once it is normalised: frozen, canonical, ready for keys.

Nothing in these types is meant for a log or a message. `Problem` is the exception: it names a code and a
field of the row, never a value.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from passerelle.groups import EntityKind, Group


class NameQuality(StrEnum):
    """How good a name is, in the words of published lists; rows without one have primary names."""

    PRIMARY = "primary"
    STRONG = "strong"
    ALIAS = "alias"
    WEAK = "weak"
    ORIGINAL_SCRIPT = "original-script"


class Severity(StrEnum):
    """`reject`: the row is set aside. `warn`: the field is left out, the row goes on."""

    REJECT = "reject"
    WARN = "warn"


@dataclass(frozen=True, slots=True)
class NameForm:
    """One name in canonical form, A-Z and single spaces only.

    `family`, `given`: variants of the surname and of the first given name without spaces, the plain form
    without particles first; empty where the name came unsplit. `middle`: the further given names. `full`:
    variants of the whole name, particles dropped and parts sorted; `full_parts` is the number of parts of
    the first of them.
    """

    family: tuple[str, ...]
    given: tuple[str, ...]
    middle: tuple[str, ...]
    full: tuple[str, ...]
    full_parts: int
    quality: NameQuality = NameQuality.PRIMARY


@dataclass(frozen=True, slots=True, order=True)
class PartialDate:
    """A date with its precision: month and day are 0 where unknown (a day implies a month)."""

    year: int
    month: int = 0
    day: int = 0

    def iso(self) -> str:
        """`YYYY`, `YYYY-MM` or `YYYY-MM-DD`."""
        return "-".join((f"{self.year:04d}", *(f"{part:02d}" for part in (self.month, self.day) if part)))


@dataclass(frozen=True, slots=True, order=True)
class Identifier:
    """One checked identifier.

    `kind` is the name of its key kind in the catalogue, `value` its canonical form.
    """

    group: Group
    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class Address:
    """A postal address, parts in canonical form, empty where unknown; `country` is ISO 3166 alpha-3."""

    street: str = ""
    house_number: str = ""
    postcode: str = ""
    locality: str = ""
    country: str = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """What one record says. `sex` is `M`, `F`, `X` or empty; `nationalities` ISO 3166 alpha-3."""

    entity: EntityKind
    names: tuple[NameForm, ...] = ()
    births: tuple[PartialDate, ...] = ()
    sex: str = ""
    identifiers: tuple[Identifier, ...] = ()
    nationalities: tuple[str, ...] = ()
    addresses: tuple[Address, ...] = ()


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a row: a code of `errors/codes/rows.toml`, the field's name, how bad it is."""

    code: str
    field: str
    severity: Severity


@dataclass(frozen=True, slots=True)
class Normalised:
    """A subject, and what was wrong on the way. A rejected row's subject must not be tokenised."""

    subject: Subject
    problems: tuple[Problem, ...]

    @property
    def rejected(self) -> bool:
        """True where a problem sets the row aside."""
        return any(problem.severity is Severity.REJECT for problem in self.problems)
