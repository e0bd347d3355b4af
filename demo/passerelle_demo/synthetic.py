"""Four fictional Belgian agencies, each with its own columns, language, date format and habits. Seeded.

A mapping is TOML as the connector's folder source reads it (`passerelle_connector.sources.mapping`): a
target is a column's name, or a table with `from`, `const`, `split`, `parse`, `clean`. A birth date of which
only the year is known is written with 00 for day and month, as clerks do; `1900-01-01` stands where there
is none.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Final

from passerelle_demo.clerks import Habits, Noted, note
from passerelle_demo.people import Person, population

Row = Mapping[str, str]
Ref = tuple[str, str]
"""(agency id, the agency's own reference)."""

_SHARED: Final = 0.16
_MEANS_SHARED: Final = 0.03


@dataclass(frozen=True, slots=True)
class Agency:
    """One agency: its mapping (TOML text) and its rows in its own columns."""

    id: str
    name: str
    language: str
    mapping: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Federation:
    """All agencies, and the truth.

    Pairs of references that are the same person, in the order of the agencies.
    """

    agencies: tuple[Agency, ...]
    truth: frozenset[tuple[Ref, Ref]]


@dataclass(frozen=True, slots=True)
class _Plan:
    """How one agency writes: reference format, columns of a noted person, habits, mapping."""

    id: str
    name: str
    language: str
    reference: str
    habits: Habits
    write: Callable[[Person, Noted, random.Random], dict[str, str]]
    mapping: str


def generate(size: int = 1_600, seed: int = 1) -> Federation:
    """About `size` rows over four agencies; the same seed gives the same federation."""
    rng = random.Random(seed)
    people = _with_shared_means(population(int(size / (1 + _SHARED * 1.25)), rng), rng)
    rows: dict[str, list[Row]] = {plan.id: [] for plan in _PLANS}
    truth: set[tuple[Ref, Ref]] = set()
    for person in people:
        count = rng.choice((2, 2, 2, 3)) if rng.random() < _SHARED else 1
        refs: list[Ref] = []
        for plan in sorted(rng.sample(_PLANS, count), key=_PLANS.index):
            reference = plan.reference.format(len(rows[plan.id]) + 1)
            noted = note(person, plan.habits, rng)
            rows[plan.id].append({"REF": reference, **plan.write(person, noted, rng)})
            refs.append((plan.id, reference))
        truth.update(combinations(refs, 2))
    agencies = tuple(
        Agency(plan.id, plan.name, plan.language, plan.mapping, tuple(rows[plan.id])) for plan in _PLANS
    )
    return Federation(agencies, frozenset(truth))


def written_by(agency: str, person: Person, noted: Noted, rng: random.Random) -> dict[str, str]:
    """A noted person in an agency's own columns, without a reference."""
    return next(plan for plan in _PLANS if plan.id == agency).write(person, noted, rng)


def _with_shared_means(people: tuple[Person, ...], rng: random.Random) -> list[Person]:
    """Some people use the phone or the vehicle of a stranger: a tie, but not the same person."""
    result = list(people)
    for place, person in enumerate(result):
        if rng.random() < _MEANS_SHARED:
            other = rng.choice(people)
            field = rng.choice(("phone", "plate"))
            result[place] = replace(person, **{field: getattr(other, field)})
    return result


def _some(value: str, chance: float, rng: random.Random) -> str:
    return value if rng.random() < chance else ""


def _day(born: str, pattern: str) -> str:
    """An ISO date in the agency's own order, unknown parts as 00."""
    year, _, rest = born.partition("-")
    month, _, day = rest.partition("-")
    return pattern.format(y=year, m=month, d=day) if born else ""


def _havenwacht(person: Person, noted: Noted, rng: random.Random) -> dict[str, str]:
    street, house, postcode, locality = person.address
    number = noted.number
    return {
        "naam": noted.family,
        "voornaam": noted.given,
        "andere voornamen": noted.middle,
        "geboren": _day(noted.born, "{d}/{m}/{y}"),
        "geslacht": {"M": "M", "F": "V", "": "onbekend"}[noted.sex],
        "rijksregister": f"{number[:2]}.{number[2:4]}.{number[4:6]}-{number[6:9]}.{number[9:]}"
        if number
        else "",
        "gsm": _some(person.phone, 0.5, rng),
        "nummerplaat": _some(person.plate, 0.4, rng),
        "straat": street,
        "huisnummer": house,
        "postcode": postcode,
        "gemeente": locality,
    }


def _passages(person: Person, noted: Noted, rng: random.Random) -> dict[str, str]:
    return {
        "nom": noted.family.upper(),
        "prénom": noted.given,
        "autres prénoms": noted.middle,
        "né(e) le": _day(noted.born, "{d}.{m}.{y}"),
        "sexe": {"M": "homme", "F": "femme", "": ""}[noted.sex],
        "registre national": noted.number,
        "passeport": _some(person.passport, 0.6, rng),
        "nationalité": person.nationality,
        "téléphone": _some("+32 " + person.phone[1:], 0.4, rng),
    }


def _ostamt(person: Person, noted: Noted, rng: random.Random) -> dict[str, str]:
    street, house, postcode, locality = person.address
    return {
        "Name": f"{noted.family}, {noted.given} {noted.middle}".strip(),
        "Geburtsdatum": _day(noted.born, "{d}.{m}.{y}") or "01.01.1900",
        "Geschlecht": {"M": "männlich", "F": "weiblich", "": ""}[noted.sex],
        "Nationalregister": noted.number,
        "Kennzeichen": _some(person.plate.replace("-", " "), 0.7, rng),
        "Telefon": _some("0032" + person.phone[1:], 0.4, rng),
        "Straße": street,
        "Nr": house,
        "PLZ": postcode,
        "Ort": locality,
    }


def _ledgers(person: Person, noted: Noted, rng: random.Random) -> dict[str, str]:
    return {
        "surname": noted.family,
        "first_name": noted.given,
        "middle_names": noted.middle,
        "dob": noted.born,
        "gender": {"M": "male", "F": "female", "": ""}[noted.sex],
        "nrn": noted.number,
        "accounts": _some(person.iban, 0.8, rng),
        "mail": _some(person.email, 0.5, rng),
        "phones": _some(person.phone, 0.5, rng),
        "passport_no": _some(f"{person.passport}", 0.3, rng),
        "citizenship": person.nationality,
    }


_PLANS: Final = (
    _Plan(
        "havenwacht",
        "Dienst Havenwacht",
        "nl",
        "HW-{:05d}",
        Habits(number_missing=0.3),
        _havenwacht,
        """\
[source]
kind = "folder"
path = "havenwacht"
reference = "REF"

[map]
family_name = "naam"
given_name = "voornaam"
middle_name = "andere voornamen"
born = { from = "geboren", parse = "%d/%m/%Y" }
sex = "geslacht"
national_number = "rijksregister"
phone = "gsm"
plate = "nummerplaat"
street = "straat"
house_number = "huisnummer"
postcode = "postcode"
locality = "gemeente"
country = { const = "BE" }
""",
    ),
    _Plan(
        "passages",
        "Office des Passages",
        "fr",
        "PAS{:06d}",
        Habits(number_missing=0.7, typo=0.07, variant=0.35, birth_error=0.06),
        _passages,
        """\
[source]
kind = "folder"
path = "passages"
reference = "REF"

[map]
family_name = "nom"
given_name = "prénom"
middle_name = "autres prénoms"
born = { from = "né(e) le", parse = "%d.%m.%Y" }
sex = "sexe"
national_number = "registre national"
passport = "passeport"
passport_state = "nationalité"
nationality = "nationalité"
phone = "téléphone"
""",
    ),
    _Plan(
        "ostamt",
        "Amt Ostgrenze",
        "de",
        "{:04d}/OG",
        Habits(number_missing=0.4, plain=0.15),
        _ostamt,
        """\
[source]
kind = "folder"
path = "ostamt"
reference = "REF"

[map]
full_name = "Name"
born = { from = "Geburtsdatum", parse = "%d.%m.%Y" }
sex = "Geschlecht"
national_number = "Nationalregister"
plate = "Kennzeichen"
phone = "Telefon"
street = "Straße"
house_number = "Nr"
postcode = "PLZ"
locality = "Ort"
country = { const = "BE" }
""",
    ),
    _Plan(
        "ledgers",
        "Ledgers Unit",
        "en",
        "L{:07d}",
        Habits(number_missing=0.5, plain=0.6),
        _ledgers,
        """\
[source]
kind = "folder"
path = "ledgers"
reference = "REF"

[map]
family_name = "surname"
given_name = "first_name"
middle_name = "middle_names"
born = "dob"
sex = "gender"
national_number = "nrn"
iban = { from = "accounts", split = ";" }
email = "mail"
phone = { from = "phones", split = ";" }
passport = "passport_no"
passport_state = "citizenship"
nationality = "citizenship"
""",
    ),
)
