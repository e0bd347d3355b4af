"""How clerks write people down: typing errors, other spellings, swapped fields, gaps. Seeded.

The rates are those of a decent register: about one record in six has an error in a name or the birth date.
"""

from __future__ import annotations

import random
import unicodedata
from dataclasses import dataclass
from typing import Final

from passerelle_demo.people import Person, words

_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"
_UMLAUTS: Final = {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "Ö": "Oe", "Ü": "Ue", "Ä": "Ae"}


@dataclass(frozen=True, slots=True)
class Noted:
    """A person as noted: like `Person`, but with errors and gaps.

    `born` is ISO with 00 for what is not known.
    """

    family: str
    given: str
    middle: str
    sex: str
    born: str
    number: str


@dataclass(frozen=True, slots=True)
class Habits:
    """How often an agency errs or leaves out, as chances between 0 and 1."""

    typo: float = 0.05
    variant: float = 0.25
    plain: float = 0.3
    birth_error: float = 0.04
    names_swapped: float = 0.01
    number_missing: float = 0.4
    number_wrong: float = 0.01
    sex_missing: float = 0.05
    birth_missing: float = 0.01
    middle_missing: float = 0.5


def note(person: Person, habits: Habits, rng: random.Random) -> Noted:
    """One clerk's version of a person."""
    family, given = (spell(name, habits, rng) for name in (person.family, person.given))
    if rng.random() < habits.names_swapped:
        family, given = given, family
    number = "" if rng.random() < habits.number_missing else person.number
    if number and rng.random() < habits.number_wrong:
        number = number[:-1] + str((int(number[-1]) + 1) % 10)
    return Noted(
        family=family,
        given=given,
        middle="" if rng.random() < habits.middle_missing else person.middle,
        sex="" if rng.random() < habits.sex_missing else person.sex,
        born="" if rng.random() < habits.birth_missing else birth(person, habits, rng),
        number=number,
    )


def spell(name: str, habits: Habits, rng: random.Random) -> str:
    """Another customary spelling, the diacritics dropped, or a typing error; often none of them."""
    variants = words()["variants"].get(name)
    if variants and rng.random() < habits.variant:
        name = rng.choice(variants)
    if rng.random() < habits.plain:
        name = plain(name, rng)
    return typo(name, rng) if rng.random() < habits.typo else name


def plain(name: str, rng: random.Random) -> str:
    """Without diacritics: ü becomes ue or u."""
    if rng.random() < 0.5:
        for letter, pair in _UMLAUTS.items():
            name = name.replace(letter, pair)
    bare = unicodedata.normalize("NFD", name.replace("ı", "i").replace("ß", "ss"))
    return unicodedata.normalize("NFC", "".join(c for c in bare if unicodedata.category(c) != "Mn"))


def typo(text: str, rng: random.Random) -> str:
    """One letter left out, doubled, replaced or exchanged with the next; never the first one."""
    if len(text) < 4:
        return text
    at = rng.randrange(1, len(text) - 1)
    kind = rng.randrange(4)
    if kind == 0:
        return text[:at] + text[at + 1 :]
    if kind == 1:
        return text[:at] + text[at] + text[at:]
    if kind == 2:
        return text[:at] + rng.choice(_LETTERS) + text[at + 1 :]
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]


def birth(person: Person, habits: Habits, rng: random.Random) -> str:
    """The birth date, sometimes with day and month exchanged, one part wrong, or only the year."""
    day, month, year = person.born.day, person.born.month, person.born.year
    if rng.random() < habits.birth_error:
        kind = rng.randrange(4)
        if kind == 0 and day <= 12:
            day, month = month, day
        elif kind == 1:
            return f"{year:04d}-00-00"
        elif kind == 2:
            day = day % 28 + 1
        else:
            year += rng.choice((-1, 1, 10))
    return f"{year:04d}-{month:02d}-{day:02d}"
