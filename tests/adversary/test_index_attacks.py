"""Frequency and co-occurrence attacks on the hub's index, by an attacker with a register of everybody.

Who the attacker is stands in `bench.attacks.world`. With the defences the attacks name next to nobody; the
same attacks, on an index without one of them, name most people: so a test that passes has tried something.
`make bench-attacks` gives the figures of the threat model, over more people.
"""

from __future__ import annotations

import os
from dataclasses import replace

import pytest
from bench.attacks.attacks import Guesses, cooccurrence, frequency, other_domain
from bench.attacks.scenarios import ADDRESSES, AS_SHIPPED, SEED_SHARE
from bench.attacks.world import WEAK, Defences, World, index_of, world

pytestmark = pytest.mark.adversary
PEOPLE = int(os.environ.get("PASSERELLE_ATTACKED_PEOPLE", "1500"))
HELD = 0.01
"""With the shipped kinds of the core, at most this share of the records is named."""
HELD_WITH_ADDRESSES = 0.025
"""In a larger place: frequent values of the address tier show only there."""
BROKEN = 0.4
"""Without a defence at least this share is."""
UNGUARDED = Defences(keys=WEAK)


def named(guesses: Guesses, place: World, known: int = 0) -> float:
    """The share of the records, beside those known before, that were named rightly."""
    asked = range(known, len(place.truth))
    return sum(guesses.get(record) == place.truth[record] for record in asked) / len(asked)


def both(defences: Defences, people: int = PEOPLE) -> tuple[float, float]:
    """How many the frequency attack names, and the co-occurrence attack."""
    place = world(people, defences)
    seeds = round(len(place.index) * SEED_SHARE)
    return named(frequency(place), place), named(cooccurrence(place, seeds), place, seeds)


def test_the_shipped_kinds_hold() -> None:
    assert max(both(AS_SHIPPED)) <= HELD


def test_a_token_for_each_field_does_not() -> None:
    assert min(both(UNGUARDED)) >= BROKEN


def test_erasing_frequent_tokens_takes_the_attacks_what_they_live_on() -> None:
    assert max(both(replace(UNGUARDED, capped=True))) <= BROKEN / 2


def test_addresses_cost_something() -> None:
    core, addresses = both(AS_SHIPPED)[1], both(ADDRESSES)[1]
    assert core <= addresses
    assert max(both(ADDRESSES, 4 * PEOPLE)) <= HELD_WITH_ADDRESSES


def test_demographics_in_the_clear_would_name_most() -> None:
    assert min(both(replace(AS_SHIPPED, clear=True))) >= BROKEN


@pytest.mark.parametrize(("own_key", "lowest", "highest"), [(True, 0.0, 0.0), (False, BROKEN, 1.0)])
def test_a_key_for_each_domain_keeps_published_records_from_naming_others(
    own_key: bool, lowest: float, highest: float
) -> None:
    defences = replace(AS_SHIPPED, own_key=own_key)
    place = world(PEOPLE, defences)
    listed = place.truth[: len(place.truth) // 4]
    published = index_of(place.register, listed, defences, domain="lists")
    guesses = other_domain(published, listed, place.index)
    found = sum(guesses.get(record) == person for record, person in enumerate(listed)) / len(listed)
    assert lowest <= found <= highest
