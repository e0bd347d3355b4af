"""The scenarios: each attack with and without each defence, one row of the table each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from bench.attacks.attacks import Guesses, cooccurrence, frequency, other_domain
from bench.attacks.world import WEAK, Defences, index_of, world

SEED_SHARE = 0.02
"""Part of the index whose records an agency that plays along has labelled."""
AS_SHIPPED = Defences()
ADDRESSES = Defences(keys="core and address")


@dataclass(frozen=True, slots=True)
class Outcome:
    """`named`: the share of records that were named rightly; `right`: the share of guesses that were."""

    attack: str
    defences: str
    named: float
    right: float


def outcomes(size: int, seed: int = 1) -> Iterator[Outcome]:
    """All scenarios over a register of `size` people."""
    for label, defences in _cases():
        place = world(size, defences, seed=seed)
        seeds = round(len(place.index) * SEED_SHARE)
        yield _outcome("frequency", label, frequency(place), place.truth, 0)
        yield _outcome("co-occurrence", label, cooccurrence(place, seeds), place.truth, seeds)
    for label, defences in (
        ("as shipped: a key for each domain", AS_SHIPPED),
        ("one key for all domains", replace(AS_SHIPPED, own_key=False)),
    ):
        place = world(size, defences, seed=seed)
        listed = place.truth[: len(place.truth) // 4]
        published = index_of(place.register, listed, defences, domain="lists")
        guesses = other_domain(published, listed, place.index)
        yield _outcome("other domain", label, guesses, place.truth[: len(listed)], 0)


def _cases() -> Iterator[tuple[str, Defences]]:
    weak = Defences(keys=WEAK)
    yield "none: a token for each field, demographics beside it", replace(weak, clear=True)
    yield "a token for each field", weak
    yield "a token for each field, frequent ones erased", replace(weak, capped=True)
    yield "as shipped", AS_SHIPPED
    yield "as shipped, demographics beside it", replace(AS_SHIPPED, clear=True)
    yield "as shipped, counts not padded", replace(AS_SHIPPED, padded=False)
    yield "as shipped, kinds of rare names for all names", replace(AS_SHIPPED, suppressed=False)
    yield "as shipped, frequent tokens erased", replace(AS_SHIPPED, capped=True)
    yield "with addresses", ADDRESSES
    yield "with addresses, demographics beside it", replace(ADDRESSES, clear=True)
    yield "with addresses, counts not padded", replace(ADDRESSES, padded=False)
    yield "with addresses, frequent tokens erased", replace(ADDRESSES, capped=True)


def _outcome(attack: str, label: str, guesses: Guesses, truth: Sequence[int], known: int) -> Outcome:
    asked = range(known, len(truth))
    right = sum(guesses.get(place) == truth[place] for place in asked)
    made = sum(place in guesses for place in asked)
    return Outcome(attack, label, right / max(len(asked), 1), right / made if made else 0.0)
