"""The attacks. Each says which person of the register it takes a record to be about, or nothing.

frequency       a token stands for one of the values that are as frequent in the register as it is here
co-occurrence   seed and extend: who is known tells what their tokens mean, tokens that others share tell of
                those, until nothing is learned any more. Seeds are records of an agency that plays along.
other domain    the records of a published domain are known, and equal tokens name those of another domain

All of them also hold against the register how many tokens of each kind a record shows, and demographics
where they stand in the clear. A record is named where exactly one person is left.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

from bench.attacks.world import Record, Register, Shown, World

Guesses = dict[int, int]
"""Position in the index to position in the register."""
Meaning = dict[bytes, frozenset[str]]
"""Token to the values that it may stand for."""
_LEAST = 5
"""How frequent rarer tokens are says nothing."""
_NOISE = 2.5
"""Standard deviations that a count may be away from what the register lets expect."""


class Reader:
    """Whom a record may be about, from what the attacker believes of its tokens."""

    def __init__(self, register: Register) -> None:
        self.register = register
        holders: defaultdict[tuple[int, str], set[int]] = defaultdict(set)
        alike: defaultdict[Shown, set[int]] = defaultdict(set)
        for person, values in enumerate(register.values):
            alike[register.shown[person]].add(person)
            for kind, of_kind in values.items():
                for value in of_kind:
                    holders[kind, value].add(person)
        self._holders: Mapping[tuple[int, str], set[int]] = holders
        self._alike: Mapping[Shown, set[int]] = alike

    def candidates(self, record: Record, meaning: Meaning) -> set[int]:
        """Everybody who agrees with all that is believed."""
        parts = [self._alike.get(record.shown, set())]
        for kind, tokens in record.tokens.items():
            for token in tokens:
                if token in meaning:
                    parts.append(self._any(kind, meaning[token]))
        found = set.intersection(*sorted(parts, key=len))
        if record.clear is not None:
            found = {person for person in found if self.register.clear[person] == record.clear}
        return found

    def _any(self, kind: int, values: frozenset[str]) -> set[int]:
        sets = [self._holders.get((kind, value), set[int]()) for value in values]
        return sets[0] if len(sets) == 1 else set[int]().union(*sets)


def frequency(world: World) -> Guesses:
    """By how frequent tokens are, then extended from whoever is named by it."""
    return _extended(world, {}, dict(_as_frequent(world)))


def cooccurrence(world: World, seeds: int) -> Guesses:
    """Seed and extend, from the first `seeds` records; who is a seed is no guess."""
    known = _extended(world, dict(enumerate(world.truth[:seeds])), {})
    return {place: person for place, person in known.items() if place >= seeds}


def _as_frequent(world: World) -> Iterator[tuple[bytes, frozenset[str]]]:
    """Tokens with the values that are as frequent in the register, but for the noise of a sample."""
    share = len(world.index) / len(world.register.values)
    seen: defaultdict[int, Counter[bytes]] = defaultdict(Counter)
    expected: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for record in world.index:
        for kind, tokens in record.tokens.items():
            seen[kind].update(tokens)
    for values in world.register.values:
        for kind, of_kind in values.items():
            expected[kind].update(of_kind)
    for kind, counts in seen.items():
        for token, count in counts.items():
            if count >= _LEAST:
                noise = _NOISE * math.sqrt(count)
                fits = (v for v, held in expected[kind].items() if abs(held * share - count) <= noise)
                yield token, frozenset(fits)


def _extended(world: World, known: Guesses, meaning: Meaning) -> Guesses:
    """Who is known tells of others, until nothing is learned; at first everybody is looked at."""
    reader, taken = Reader(world.register), set(known.values())
    holders: defaultdict[bytes, list[int]] = defaultdict(list)
    for place, record in enumerate(world.index):
        for tokens in record.tokens.values():
            for token in tokens:
                holders[token].append(place)
    for place, person in known.items():
        _learn(world, place, person, meaning)
    touched = set(range(len(world.index))) - known.keys()
    while touched:
        learned: list[bytes] = []
        for place in sorted(touched):
            left = reader.candidates(world.index[place], meaning) - taken
            if len(left) == 1:
                known[place] = next(iter(left))
                taken.add(known[place])
                learned += _learn(world, place, known[place], meaning)
        touched = {place for token in learned for place in holders[token] if place not in known}
    return known


def _learn(world: World, place: int, person: int, meaning: Meaning) -> list[bytes]:
    """What the tokens of a known record mean; those of which something new was learned."""
    values, learned = world.register.values[person], list[bytes]()
    for kind, tokens in world.index[place].tokens.items():
        possible = frozenset(values.get(kind, ()))
        for token in tokens:
            narrower = meaning[token] & possible if token in meaning else possible
            if narrower and meaning.get(token) != narrower:
                meaning[token] = narrower
                learned.append(token)
    return learned


def other_domain(published: Sequence[Record], of: Sequence[int], index: Sequence[Record]) -> Guesses:
    """Records of `index` with most tokens equal to those of one published record, which is about `of`."""
    holders: dict[bytes, int] = {}
    for place, record in enumerate(published):
        for tokens in record.tokens.values():
            holders.update(dict.fromkeys(tokens, place))
    found: Guesses = {}
    for place, record in enumerate(index):
        equal = Counter(holders[t] for tokens in record.tokens.values() for t in tokens if t in holders)
        if best := equal.most_common(1):
            found[place] = of[best[0][0]]
    return found
