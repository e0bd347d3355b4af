"""A seeded generator of Belgian records: households of four communities as two clerks note them.

Who there is: households at one address, with parents, children of one surname, twins, sons named as their
father; names of Dutch, French, Arabic and Turkish custom, several forms of each. Two sources hold parts of
them. How they note them: another form or script of a name, typing errors, surname and given name swapped,
two surnames shortened, day and month swapped, a wrong digit, a year alone, fields left out, an old address.

    python -m bench.linking belgian FOLDER --size 4000 --seed 1     writes the set in the simple form
    ... --alone                                                     with one person of each household
"""

from __future__ import annotations

import datetime
import random
import string
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench.linking.sets import LinkageSet, Pair, Row

_TABLE: Final[Mapping[str, Any]] = tomllib.loads(
    (Path(__file__).parent / "belgian.toml").read_text(encoding="utf-8")
)
_COMMUNITIES: Final = ("dutch", "french", "arabic", "turkish")
_WEIGHTS: Final = (42, 28, 20, 10)
_KEYS_NEAR: Final = dict(zip("azertyuiopqsdfghjklmwxcvbn", "zertyuiopamqsdfghjklnwxcvb", strict=True))


@dataclass(frozen=True, slots=True)
class Person:
    """One person as they are; `names` of each part are all forms that people write it in."""

    family: tuple[str, ...]
    given: tuple[str, ...]
    middle: tuple[str, ...]
    sex: str
    born: datetime.date
    street: tuple[str, ...]
    house: str
    postcode: str
    locality: tuple[str, ...]
    phone: str


@dataclass(frozen=True, slots=True)
class Habits:
    """How carefully a source notes: the chance of each thing that goes another way."""

    form: float = 0.35
    typing: float = 0.05
    swapped: float = 0.01
    middle: float = 0.3
    birth_missing: float = 0.05
    birth_wrong: float = 0.03
    year_alone: float = 0.02
    number: float = 0.5
    number_wrong: float = 0.03
    phone: float = 0.3
    address_missing: float = 0.12
    moved: float = 0.12
    sex: float = 0.85
    initial: float = 0.015


EXACT: Final = Habits(0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0)
"""Everything noted as it is, without number and phone: what a public register says."""
LEFT: Final = Habits()
RIGHT: Final = Habits(
    form=0.5, typing=0.09, swapped=0.02, birth_missing=0.08, number=0.3, address_missing=0.2
)


def generate(size: int = 4_000, seed: int = 1, name: str = "", *, alone: bool = False) -> LinkageSet:
    """About `size` records in two sources that share a third of their persons; one seed gives one set.

    `alone`: of each household one person, as in a register with one entry for each home.
    """
    rng = random.Random(seed)
    people = population(size * 3 // 4, rng, alone=alone)
    left: list[tuple[str, Row]] = []
    right: list[tuple[str, Row]] = []
    truth: set[Pair] = set()
    for person in people:
        where = rng.choices(("both", "left", "right"), (1, 1, 1))[0]
        refs = f"a{len(left) + 1}", f"b{len(right) + 1}"
        if where != "right":
            left.append((refs[0], noted(person, LEFT, rng)))
        if where != "left":
            right.append((refs[1], noted(person, RIGHT, rng)))
        if where == "both":
            truth.add((refs[0], refs[1]))
    kind = "one of each home, " if alone else ""
    return LinkageSet(name or f"Belgian records, {kind}seed {seed}", left, right, frozenset(truth))


def population(size: int, rng: random.Random, *, alone: bool = False) -> list[Person]:
    """At least `size` people, household by household, or one of each."""
    people: list[Person] = []
    while len(people) < size:
        members = _household(rng)
        people.extend([rng.choice(members)] if alone else members)
    return people


def _ranked(rng: random.Random, values: Sequence[str]) -> tuple[str, ...]:
    """One entry, frequent ones first, as its forms; a fifth of surnames are made up and therefore rare."""
    weights = [1 / (rank + 3) for rank in range(len(values))]
    return tuple(rng.choices(values, weights)[0].split("|"))


def _surname(rng: random.Random, community: str) -> tuple[str, ...]:
    forms = _ranked(rng, _TABLE[community]["surnames"])
    if community in {"dutch", "french"} and rng.random() < 0.55:
        stem = "".join(
            rng.choice(part)
            for part in (
                ["B", "D", "G", "H", "K", "L", "M", "R", "S", "V", "Cl", "Kr", "St", "Vr", "Br"],
                ["a", "e", "o", "ae", "ee", "oo", "ou", "ui", "ie"],
                ["l", "m", "n", "r", "s", "ck", "rm", "nd", "lt", "rt", "ss", "ns"],
                ["", "e", "a", "i"],
            )
        )
        endings = (
            ("man", "mans", "aert", "ens", "s", "kens")
            if community == "dutch"
            else ("et", "on", "ier", "in", "art", "eau")
        )
        ending = rng.choice(endings)
        other = {"aert": "aart", "ens": "en", "et": "é", "eau": "au"}.get(ending, ending)
        return tuple(dict.fromkeys((stem + ending, stem + other)))
    return forms


def _given(rng: random.Random, community: str, sex: str) -> tuple[str, ...]:
    return _ranked(rng, _TABLE[community]["male" if sex == "M" else "female"])


def _born(rng: random.Random, low: int, high: int) -> datetime.date:
    return datetime.date(rng.randint(low, high), 1, 1) + datetime.timedelta(rng.randrange(365))


def _household(rng: random.Random) -> list[Person]:
    community = rng.choices(_COMMUNITIES, _WEIGHTS)[0]
    language = community if community in {"dutch", "french"} else rng.choice(("dutch", "french"))
    place = _ranked(rng, _TABLE["places"][language])
    postcode, _, town = place[0].partition(" ")
    home = {
        "street": _ranked(rng, _TABLE["streets"][language]),
        "house": str(rng.randint(1, 180)),
        "postcode": postcode,
        "locality": (town, *place[1:]),
    }
    surname = _surname(rng, community)
    parent = rng.randint(1940, 1985)
    members = [(surname, "M", _born(rng, parent, parent), ())]
    if rng.random() < 0.6:
        members.append((_surname(rng, community), "F", _born(rng, parent - 4, parent + 6), ()))
    for _ in range(rng.choice((0, 0, 1, 2, 3))):
        sex = rng.choice("MF")
        members.append((surname, sex, _born(rng, parent + 20, parent + 22), ()))
        if rng.random() < 0.03:
            members.append((surname, rng.choice("MF"), members[-1][2], ()))
    phone = f"+324{rng.randint(70, 99)}{rng.randint(0, 999_999):06d}"
    people: list[Person] = []
    for position, (family, sex, born, _) in enumerate(members):
        given = _given(rng, community, sex)
        if position and sex == "M" and rng.random() < 0.04:
            given = people[0].given
        own = phone if rng.random() < 0.3 else f"+324{rng.randint(70, 99)}{rng.randint(0, 999_999):06d}"
        middle = _given(rng, community, sex) if rng.random() < 0.5 else ()
        people.append(Person(family, given, middle, sex, born, phone=own, **home))  # type: ignore[arg-type]  # the keys of `home` have their own types
    return people


def noted(person: Person, habits: Habits, rng: random.Random) -> Row:
    """A person as a row of a source with these habits."""
    row: dict[str, object] = {}
    family, given = (_written(forms, habits, rng) for forms in (person.family, person.given))
    if rng.random() < habits.initial:
        given = given[:1]
    if rng.random() < habits.swapped:
        family, given = given, family
    row |= {"family_name": family, "given_name": given}
    if person.middle and rng.random() < habits.middle:
        row["middle_name"] = _written(person.middle, habits, rng)
    if rng.random() >= habits.birth_missing:
        row["born"] = _date(person.born, habits, rng)
    if rng.random() < habits.sex:
        row["sex"] = person.sex
    if rng.random() < habits.number:
        row["national_number"] = _number(person, rng if rng.random() < habits.number_wrong else None)
    if rng.random() < habits.phone:
        row["phone"] = person.phone
    if rng.random() >= habits.address_missing:
        row |= _address(person, habits, rng)
    return row


def _written(forms: tuple[str, ...], habits: Habits, rng: random.Random) -> str:
    text = rng.choice(forms) if rng.random() < habits.form else forms[0]
    if len(text) > 3 and rng.random() < habits.typing:
        text = _mistyped(text, rng)
    return text.upper() if rng.random() < 0.3 else text


def _mistyped(text: str, rng: random.Random) -> str:
    """One typing error: a letter left out, doubled, beside the right key, or two swapped."""
    place = rng.randrange(1, len(text))
    letter = text[place]
    kind = rng.randrange(4)
    if kind == 0:
        return text[:place] + text[place + 1 :]
    if kind == 1:
        return text[:place] + letter + text[place:]
    if kind == 2:
        near = _KEYS_NEAR.get(letter.lower(), rng.choice(string.ascii_lowercase))
        return text[:place] + near + text[place + 1 :]
    return text[: place - 1] + letter + text[place - 1] + text[place + 1 :]


def _date(born: datetime.date, habits: Habits, rng: random.Random) -> str:
    if rng.random() < habits.year_alone:
        return f"{born.year}"
    if rng.random() < habits.birth_wrong:
        kind = rng.randrange(4)
        if kind == 0 and born.day <= 12:
            return f"{born.year}-{born.day:02d}-{born.month:02d}"
        if kind == 1:
            return (
                born.replace(year=born.year + rng.choice((-10, -1, 1, 10))).isoformat()
                if (born.month, born.day) != (2, 29)
                else born.isoformat()
            )
        if kind == 2:
            return born.replace(month=rng.randint(1, 12), day=min(born.day, 28)).isoformat()
        return born.replace(day=rng.randint(1, 28)).isoformat()
    return born.isoformat()


def _number(person: Person, rng: random.Random | None) -> str:
    """A national number with its check digits; with `rng` somebody else's serial, noted wrongly."""
    order = sum(map(ord, "".join((*person.family, *person.given)))) * 2 + (person.sex == "M")
    serial = rng.randrange(1, 998) if rng else 1 + order % 996
    head = f"{person.born:%y%m%d}{serial:03d}"
    check = 97 - int(("2" if person.born.year >= 2000 else "") + head) % 97
    return f"{head}{check:02d}"


def _address(person: Person, habits: Habits, rng: random.Random) -> Row:
    if rng.random() < habits.moved:
        language = rng.choice(("dutch", "french"))
        place = _ranked(rng, _TABLE["places"][language])
        postcode, _, town = place[0].partition(" ")
        street = _ranked(rng, _TABLE["streets"][language])[0]
        return {
            "street": street,
            "house_number": str(rng.randint(1, 180)),
            "postcode": postcode,
            "locality": town,
        }
    row: dict[str, object] = {
        "street": _written(person.street, habits, rng),
        "house_number": person.house,
        "postcode": person.postcode,
        "locality": _written(person.locality, habits, rng),
    }
    if rng.random() < 0.06:
        del row[rng.choice(("street", "house_number", "postcode", "locality"))]
    return row
