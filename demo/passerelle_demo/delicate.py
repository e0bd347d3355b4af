"""The delicate cases of the demonstration: what embargo, H2, query right and childhood change (DOMAIN.md).

Each case is a person known to one or two parties, written down without errors, so that the pair is certain
and only the rules decide who learns of it:

| case | rule | who holds it | what is to come of it |
|---|---|---|---|
| embargo | 3 | havenwacht (embargoed), passages | the director's desk alone learns of the pair |
| handling | 2, H2 | ostamt (H2), ledgers | ledgers is told: no onward sharing |
| query_right | 11 | carriers (query right only), havenwacht | carriers is told that something exists |
| child | 7 | passages | refused by its own connector, the hub never hears of it |

Two parties beside the four agencies make that visible: a register with query right alone, which holds a few
rows as its standing questions, and the coordination centre's desk, which holds none.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from passerelle.clock import moment
from passerelle_demo.clerks import Noted
from passerelle_demo.people import Person, national_number, person
from passerelle_demo.synthetic import Agency, Federation, Ref, Row, written_by

EMBARGO, HANDLING, QUERY_RIGHT, CHILD = "embargo", "handling", "query_right", "child"
DESK: Final = "coordination-desk"
DESK_NAME: Final = "Coordination centre, director's desk"
CARRIERS: Final = "carriers"
_CHILD_YEARS: Final = 6
_FILLERS: Final = 3
_COLUMNS: Final = {"EMBARGO": "embargo_basis", "HANDLING": "handling"}


@dataclass(frozen=True, slots=True)
class Case:
    """One case: its name, its rule of DOMAIN.md, the rows that speak of its person."""

    name: str
    rule: str
    rows: tuple[Ref, ...]


@dataclass(frozen=True, slots=True)
class Delicate:
    """A federation with the cases in it, the register with query right, and the cases."""

    federation: Federation
    register: Agency
    cases: tuple[Case, ...]


def added(federation: Federation, seed: int, now: int) -> Delicate:
    """The federation with the delicate rows; `now` (microseconds) says who is a child."""
    rng = random.Random(f"delicate {seed}")
    anyone = [person(rng) for _ in range(3)]
    rows: dict[str, list[Row]] = {agency.id: [] for agency in federation.agencies}

    def holds(agency: str, one: Person, **cells: str) -> Ref:
        """The agency writes a person down; `cells` are further columns."""
        reference = f"DELICATE-{agency[:3].upper()}-{len(rows[agency]) + 1}"
        rows[agency].append({"REF": reference, **written_by(agency, one, _faultless(one), rng), **cells})
        return agency, reference

    secret, limited, asked = anyone
    carried, register = _register(asked, rng)
    cases = (
        Case(
            EMBARGO, "3", (holds("havenwacht", secret, EMBARGO="joint decision"), holds("passages", secret))
        ),
        Case(HANDLING, "2, H2", (holds("ostamt", limited, HANDLING="H2"), holds("ledgers", limited))),
        Case(QUERY_RIGHT, "11", (carried, holds("havenwacht", asked))),
        Case(CHILD, "7", (holds("passages", _child(rng, now)),)),
    )
    agencies = tuple(_with(agency, rows[agency.id]) for agency in federation.agencies)
    pairs = {(case.rows[0], case.rows[1]) for case in cases if len(case.rows) == 2}
    return Delicate(Federation(agencies, federation.truth | pairs), register, cases)


def _with(agency: Agency, rows: list[Row]) -> Agency:
    """An agency with further rows, and with the columns that those need in its mapping."""
    columns = {name for row in rows for name in row} & _COLUMNS.keys()
    lines = "".join(f'{_COLUMNS[name]} = "{name}"\n' for name in sorted(columns))
    return replace(agency, mapping=agency.mapping + lines, rows=agency.rows + tuple(rows))


def _faultless(one: Person) -> Noted:
    return Noted(one.family, one.given, one.middle, one.sex, one.born.isoformat(), one.number)


def _child(rng: random.Random, now: int) -> Person:
    grown = person(rng)
    born = grown.born.replace(year=moment(now).year - _CHILD_YEARS, day=min(grown.born.day, 28))
    return replace(grown, born=born, number=national_number(born, grown.sex, rng))


def _register(asked: Person, rng: random.Random) -> tuple[Ref, Agency]:
    """The register with query right: a few people of its own, and the one somebody else knows as well."""
    people = (*(person(rng) for _ in range(_FILLERS)), asked)
    rows = tuple(
        {
            "REF": f"CR-{number}",
            "surname": one.family,
            "first_name": one.given,
            "dob": one.born.isoformat(),
            "nrn": one.number,
        }
        for number, one in enumerate(people, 1)
    )
    agency = Agency(CARRIERS, "Register of Carriers", "en", _REGISTER_MAPPING, rows)
    return (CARRIERS, f"CR-{len(rows)}"), agency


_SOURCE: Final = """\
[source]
kind = "folder"
path = "data"
reference = "REF"
"""

_REGISTER_MAPPING: Final = (
    _SOURCE
    + """
[map]
family_name = "surname"
given_name = "first_name"
born = "dob"
national_number = "nrn"
"""
)

DESK_MAPPING: Final = (
    _SOURCE
    + """
[map]
family_name = "surname"
"""
)
"""The desk submits nothing; its connector reads an empty folder."""

STANDING: Final[Mapping[str, Mapping[str, object]]] = {
    CARRIERS: {"role": "partner", "rights": ["write", "query"], "shown_by_name": True},
    DESK: {"rights": ["read", "query"], "acts_as": ["connector", "director"], "clearance": 5},
}
"""Where the policy data of these two parties differ from an agency's."""
