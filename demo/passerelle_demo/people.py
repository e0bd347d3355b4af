"""Fictional people of Belgium: who they are before any agency writes them down. Seeded, so always the same.

Households share surname, address and phone; some hold twins (same surname, same birth date) and a parent
whose name a child bears. Everything that carries check digits carries right ones.
"""

from __future__ import annotations

import datetime
import random
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import Any, Final

_HOUSEHOLD_SHARE: Final = 0.25
_TWIN_SHARE: Final = 0.06
_NAMESAKE_SHARE: Final = 0.06


@dataclass(frozen=True, slots=True)
class Person:
    """One person.

    `born` is a date, `sex` is `M` or `F`, the address is street, number, postcode, locality.
    """

    family: str
    given: str
    middle: str
    sex: str
    born: datetime.date
    number: str
    phone: str
    email: str
    iban: str
    plate: str
    passport: str
    nationality: str
    address: tuple[str, str, str, str]


@cache
def words() -> Mapping[str, Any]:
    """The name and place lists."""
    return tomllib.loads(resources.files("passerelle_demo").joinpath("data", "names.toml").read_text("utf-8"))


def population(count: int, rng: random.Random) -> tuple[Person, ...]:
    """`count` people, members of a household next to each other."""
    people: list[Person] = []
    while len(people) < count:
        people.append(person(rng))
        if rng.random() < _HOUSEHOLD_SHARE:
            people.extend(_relative(people[-1], rng) for _ in range(rng.randint(1, 2)))
    return tuple(people[:count])


def person(rng: random.Random) -> Person:
    """Anybody."""
    traditions = words()["traditions"]
    name = rng.choices(list(traditions), [entry["share"] for entry in traditions.values()])[0]
    tradition, sex = traditions[name], rng.choice("MF")
    given_names = tradition["male" if sex == "M" else "female"]
    given, *middle = rng.sample(given_names, rng.choice((1, 1, 2, 2, 3)))
    born = datetime.date(1945, 1, 1) + datetime.timedelta(days=rng.randrange(60 * 365))
    return Person(
        family=rng.choice(tradition["family"]),
        given=given,
        middle=" ".join(middle),
        sex=sex,
        born=born,
        number=national_number(born, sex, rng),
        phone=f"04{rng.randint(70, 99)}{rng.randrange(10**6):06d}",
        email=f"{rng.choice('abcdefghijkl')}{rng.randrange(10**6)}@example.{rng.choice(('be', 'org'))}",
        iban=iban(rng),
        plate=f"{rng.randint(1, 2)}-{_letters(3, rng)}-{rng.randrange(1000):03d}",
        passport=f"{_letters(2, rng)}{rng.randrange(10**6):06d}",
        nationality=_NATIONALITIES[name] if rng.random() < 0.3 else "BE",
        address=_address(rng),
    )


def _letters(count: int, rng: random.Random) -> str:
    return "".join(rng.choices("ABCDEFGHJKLMNPRSTUVWXYZ", k=count))


_NATIONALITIES: Final = {"nl": "NL", "fr": "FR", "de": "DE", "maghreb": "MA", "turkish": "TR", "slavic": "PL"}


def national_number(born: datetime.date, sex: str, rng: random.Random) -> str:
    """A number of the right form.

    Date, serial (odd for men), check by 97 (with a 2 in front from 2000 on).
    """
    serial = rng.randrange(1 if sex == "M" else 2, 998, 2)
    head = f"{born:%y%m%d}{serial:03d}"
    check = 97 - int(("2" if born.year >= 2000 else "") + head) % 97
    return f"{head}{check:02d}"


def iban(rng: random.Random) -> str:
    """A Belgian IBAN whose national and international check digits hold."""
    head = f"{rng.choice(_BANKS)}{rng.randrange(10**7):07d}"
    account = f"{head}{int(head) % 97 or 97:02d}"
    return f"BE{98 - int(account + '111400') % 97:02d}{account}"


_BANKS: Final = ("001", "063", "310", "539", "733")


def _relative(of: Person, rng: random.Random) -> Person:
    """Somebody else under the same roof.

    A sibling or child, a twin, or a child with the parent's own name.
    """
    other = person(rng)
    while other.given == of.given:
        other = person(rng)
    kind = rng.random()
    born, given, sex = other.born, other.given, other.sex
    if kind < _TWIN_SHARE:
        born = of.born
    elif kind < _TWIN_SHARE + _NAMESAKE_SHARE:
        given, sex = of.given, of.sex
        born = datetime.date(min(of.born.year + 27, 2006), rng.randint(1, 12), rng.randint(1, 28))
    return replace(
        other,
        family=of.family,
        given=given,
        sex=sex,
        born=born,
        number=national_number(born, sex, rng),
        phone=of.phone if rng.random() < 0.3 else other.phone,
        nationality=of.nationality,
        address=of.address,
    )


def _address(rng: random.Random) -> tuple[str, str, str, str]:
    places = words()["places"]
    postcode, locality = rng.choice(places["localities"])
    return rng.choice(places["streets"]), str(rng.randint(1, 180)), postcode, locality
