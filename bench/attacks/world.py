"""What an attacker holds: the hub's index, and a public register of everybody.

The attacker
------------
Operator of the hub, or thief of its database with the pepper, without t trustees: no value can be tried, and
what is left of a token is which records carry an equal one, of which kind. The normaliser, the catalogue and
the padding are public, so the attacker computes every key value of everybody in the register.

All of it is the attacker's best case: the register holds everybody whom the index may hold, with names,
birth date, sex and address; records are noted as the register says, without an error; nobody has two.

Keyed hashes stand for tokens and marks: equality is all that either leaves.
"""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from bench.linking import belgian
from bench.linking.ours import CORE

from passerelle.catalogue import Tier, catalogue
from passerelle_connector.keys import SEPARATOR, derive
from passerelle_connector.normalise import normalise
from passerelle_connector.normalise.home import home
from passerelle_connector.normalise.subject import Subject
from passerelle_connector.padding import pad
from passerelle_hub.match.pairs import FREQUENCY_CAP

WEAK: Final = "single fields"
KEYS: Final[Mapping[str, frozenset[Tier]]] = {
    "core": CORE,
    "core and address": CORE | {Tier.ADDRESS},
}
_WEAK_KINDS: Final = (9001, 9002, 9003, 9004, 9005, 9006)
_SEX_KIND: Final = catalogue().named("surname+given+sex").id

Values = Mapping[int, tuple[str, ...]]
"""Kind id to the key values of one person."""
Shown = tuple[tuple[int, int], ...]
"""(kind id, number of tokens) of one record, sorted."""
Clear = tuple[str, int, str]
"""What must never stand in the clear beside tokens: sex, year of birth, postcode."""


@dataclass(frozen=True, slots=True)
class Defences:
    """Which of them stand. `keys` is `WEAK` or one of `KEYS`.

    `suppressed`: kinds of rare names are left out for common surnames. `capped`: marks above the cap are not
    in the index at all (the hub gives them no weight, yet holds them). `padded`: counts of tokens per kind
    are filled up. `own_key`: the domain has a key of its own. `clear`: demographics stand beside the tokens.
    """

    keys: str = "core"
    suppressed: bool = True
    capped: bool = False
    padded: bool = True
    own_key: bool = True
    clear: bool = False


@dataclass(frozen=True, slots=True)
class Record:
    """A record as the index shows it: tokens by kind, how many of each kind, demographics if in the clear."""

    tokens: Mapping[int, tuple[bytes, ...]]
    shown: Shown
    clear: Clear | None


@dataclass(frozen=True, slots=True)
class Register:
    """Everybody: the key values of each person, what their record would show, their demographics."""

    values: Sequence[Values]
    shown: Sequence[Shown]
    clear: Sequence[Clear]


@dataclass(frozen=True, slots=True)
class World:
    """Register and index; `truth` is, for each record, the position in the register of whom it is about."""

    register: Register
    index: Sequence[Record]
    truth: Sequence[int]


def world(size: int, defences: Defences, *, seed: int = 1, held: float = 0.5) -> World:
    """A register of `size` people, of whom the index holds the share `held`, in no order."""
    people, rng = _people(size, seed), random.Random(seed + 1)
    values = [_values(subject, defences) for subject in people]
    clear = [_clear(subject) for subject in people]
    register = Register(values, [_shown(one, padded=defences.padded) for one in values], clear)
    truth = [place for place in range(len(people)) if rng.random() < held]
    rng.shuffle(truth)
    index = index_of(register, truth, defences, domain="ter")
    return World(register, index, truth)


def index_of(
    register: Register, persons: Sequence[int], defences: Defences, *, domain: str
) -> tuple[Record, ...]:
    """The index of a domain that holds one record of each of these persons."""
    key = domain.encode() if defences.own_key else b"one key for all"
    rows = [_tokens(register.values[person], key, place, defences) for place, person in enumerate(persons)]
    common: Collection[bytes] = ()
    if defences.capped:
        counts = Counter(token for row in rows for tokens in row.values() for token in tokens)
        common = {token for token, count in counts.items() if count > FREQUENCY_CAP}
    return tuple(
        Record(
            {kind: tuple(one for one in tokens if one not in common) for kind, tokens in row.items()},
            tuple(sorted((kind, len(tokens)) for kind, tokens in row.items())),
            register.clear[person] if defences.clear else None,
        )
        for row, person in zip(rows, persons, strict=True)
    )


@cache
def _people(size: int, seed: int) -> tuple[Subject, ...]:
    rng = random.Random(seed)
    people = belgian.population(size, rng)
    return tuple(normalise(belgian.noted(person, belgian.EXACT, rng)).subject for person in people)


def _values(subject: Subject, defences: Defences) -> Values:
    if defences.keys == WEAK:
        return _single_fields(subject)
    found: dict[int, list[str]] = {}
    for key in derive(subject, catalogue(), KEYS[defences.keys]):
        found.setdefault(key.kind_id, []).append(key.value.decode())
    if not defences.suppressed and _SEX_KIND not in found:
        family, given = _name(subject)
        found[_SEX_KIND] = [SEPARATOR.join((family, given, subject.sex))]
    return {kind: tuple(values) for kind, values in found.items()}


def _single_fields(subject: Subject) -> Values:
    """What the catalogue's rules forbid: one token for each field."""
    place = home(subject.addresses[0])
    parts = (
        (*_name(subject), subject.births[0].iso(), subject.sex, place.postcode, place.street) if place else ()
    )
    return {kind: (value,) for kind, value in zip(_WEAK_KINDS, parts, strict=True)}


def _name(subject: Subject) -> tuple[str, str]:
    form = subject.names[0]
    return form.family[0], form.given[0]


def _clear(subject: Subject) -> Clear:
    place = home(subject.addresses[0])
    return subject.sex, subject.births[0].year, place.postcode if place else ""


def _tokens(values: Values, key: bytes, place: int, defences: Defences) -> dict[int, tuple[bytes, ...]]:
    tokens = [
        (kind, hashlib.blake2b(f"{kind}\x00{value}".encode(), digest_size=16, key=key).digest())
        for kind, of_kind in values.items()
        for value in of_kind
    ]
    if defences.padded and defences.keys != WEAK:
        kinds, packed = pad(catalogue(), b"secret", place.to_bytes(16, "big"), "", tokens)
        tokens = [(kind, packed[at * 16 : at * 16 + 16]) for at, kind in enumerate(kinds)]
    found: dict[int, list[bytes]] = {}
    for kind, token in tokens:
        found.setdefault(kind, []).append(token)
    return {kind: tuple(of_kind) for kind, of_kind in found.items()}


def _shown(values: Values, *, padded: bool) -> Shown:
    book = catalogue().kinds
    return tuple(
        sorted(
            (kind, book[kind].padded(len(of_kind)) if padded and kind in book else len(of_kind))
            for kind, of_kind in values.items()
        )
    )
