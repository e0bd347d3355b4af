"""The census: how often fields agree between two of an agency's own records, by chance.

Rules
-----
1. A sample of records is kept in memory, drawn evenly from all that were prepared since the start; of each
   value only a hash under a secret of the process. Nothing is stored.
2. Records under embargo are not counted: no number that leaves may move by one of them.
3. Over all pairs of the sample the share of equal values is exact, no further chance is drawn. A level counts
   what it agrees in beyond a stronger one.
4. Nothing is said of fewer than `LEAST_RECORDS` values, nor of what fewer than `LEAST_PAIRS` pairs agree in.
5. Records that agree in birth date and in a name, as it sounds, or in birth date and home are one person
   twice (or twins). That they agree is no chance: the first one counts.
6. How often two persons are of one family: surname, as it sounds, and home agree, while neither the initial
   of the given name nor the year of birth does. Fewer than `LEAST_PAIRS` are stated as so many.
"""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from passerelle.chances import FAMILY, Chance, encode_chances
from passerelle.groups import EntityKind
from passerelle_connector.model import Random
from passerelle_connector.normalise.home import home
from passerelle_connector.normalise.phonetic import skeleton
from passerelle_connector.normalise.subject import Subject

SAMPLE: Final = 4_000
LEAST_RECORDS: Final = 200
LEAST_PAIRS: Final = 10
_TWICE: Final = ("birth+surname~", "birth+given~", "birth+street+house number")
_HOME: Final = "surname~+postcode+street+house number"
_FAMILY: Final = (_HOME, f"{_HOME}+given1", f"{_HOME}+birth year", f"{_HOME}+given1+birth year")
_JOINED: Final = {name: tuple(name.split("+")) for name in (*_TWICE, *_FAMILY)}
# What is equal, then what of it a stronger level says already: pairs of the first less those of the second.
_LEVELS: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    ("surname", "exact"): ("surname",),
    ("surname", "phonetic"): ("surname~", "surname"),
    ("surname", "first3"): ("surname3", "surname"),
    ("surname", "initial"): ("surname1", "surname3"),
    ("given", "exact"): ("given",),
    ("given", "phonetic"): ("given~", "given"),
    ("given", "first3"): ("given3", "given"),
    ("given", "initial"): ("given1", "given3"),
    ("birth", "exact"): ("birth",),
    ("birth", "year"): ("birth year", "birth"),
    ("sex", "exact"): ("sex",),
    ("postcode", "exact"): ("postcode",),
    ("postcode", "digits"): ("postcode digits", "postcode"),
    ("locality", "exact"): ("locality",),
    ("locality", "first3"): ("locality3", "locality"),
    ("street", "start"): ("street",),
    ("house_number", "exact"): ("house number",),
}


class Census:
    """Counts what `add` is given. Safe to share between threads."""

    def __init__(self, random: Random, size: int = SAMPLE) -> None:
        self._random = random
        self._secret = random(16)
        self._size = size
        self._met = 0
        self._sample: list[dict[str, bytes]] = []
        self._lock = threading.Lock()

    def add(self, subject: Subject) -> None:
        """Count a person of a record that is under no embargo."""
        if subject.entity is not EntityKind.PERSON:
            return
        values = {name: self._hash(name, value) for name, value in _values(subject)}
        for name, parts in _JOINED.items():
            if all(part in values for part in parts):
                values[name] = b"".join(values[part] for part in parts)
        with self._lock:
            self._met += 1
            if len(self._sample) < self._size:
                self._sample.append(values)
                return
            place = int.from_bytes(self._random(8), "big") % self._met
            if place < self._size:
                self._sample[place] = values

    def chances(self) -> tuple[Chance, ...]:
        """What can be said by rules 3 to 6, in no particular order."""
        with self._lock:
            sample = list(self._sample)
        sample = list(_persons(sample))
        agree = {name: _agreeing(sample, name) for name in {n for names in _LEVELS.values() for n in names}}
        found: list[Chance] = []
        for (field, level), (wider, *stronger) in _LEVELS.items():
            pairs, of_all = agree[wider]
            pairs -= sum(agree[name][0] for name in stronger)
            if of_all >= LEAST_RECORDS * (LEAST_RECORDS - 1) // 2 and pairs >= LEAST_PAIRS:
                found.append(Chance.rounded(field, level, pairs / of_all))
        return (*found, *_families(sample))

    def stated(self) -> bytes:
        """As a batch's statement carries it."""
        return encode_chances(self.chances())

    def _hash(self, name: str, value: str) -> bytes:
        return hashlib.blake2b(f"{name}\x00{value}".encode(), digest_size=8, key=self._secret).digest()


def _values(subject: Subject) -> Iterator[tuple[str, str]]:
    """Name and value of each part of a subject that the census compares; the first of several."""
    split = next((form for form in subject.names if form.family and form.given), None)
    if split is not None:
        for name, value in (("surname", split.family[0]), ("given", split.given[0])):
            yield name, value
            yield f"{name}~", skeleton(value)
            yield f"{name}3", value[:3]
            yield f"{name}1", value[:1]
    if subject.births and subject.births[0].day:
        yield "birth", subject.births[0].iso()
        yield "birth year", str(subject.births[0].year)
    if subject.sex:
        yield "sex", subject.sex
    place = home(subject.addresses[0]) if subject.addresses else None
    if place is not None:
        parts = {
            "postcode": place.postcode,
            "postcode digits": "".join(sorted(place.postcode)),
            "locality": place.locality,
            "locality3": place.locality[:3],
            "street": place.street,
            "house number": place.house,
        }
        yield from ((name, value) for name, value in parts.items() if value)


def _persons(sample: Iterable[dict[str, bytes]]) -> Iterator[dict[str, bytes]]:
    """Rule 5: of several records of one person the first."""
    met: set[bytes] = set()
    for values in sample:
        person = {values[name] for name in _TWICE if name in values}
        if met.isdisjoint(person):
            yield values
        met |= person


def _families(sample: Sequence[dict[str, bytes]]) -> Iterator[Chance]:
    """Rule 6."""
    home, given, born, both = _FAMILY
    whole = [values for values in sample if both in values]
    pairs, of_all = _agreeing(whole, home)
    pairs -= sum(_agreeing(whole, name)[0] for name in (given, born)) - _agreeing(whole, both)[0]
    if len(whole) >= LEAST_RECORDS:
        yield Chance.rounded(*FAMILY, max(pairs, LEAST_PAIRS) / of_all)


def _agreeing(sample: Sequence[dict[str, bytes]], name: str) -> tuple[int, int]:
    """Pairs that agree in a value, of all pairs that have one."""
    counts = Counter(values[name] for values in sample if name in values)
    having = counts.total()
    return sum(n * (n - 1) // 2 for n in counts.values()), having * (having - 1) // 2
