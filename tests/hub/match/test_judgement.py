"""What judgements come to: the rule alone."""

from __future__ import annotations

from itertools import permutations

import pytest

from passerelle.judgement import Verdict
from passerelle_hub.match.judgement import agreeing, finding
from passerelle_hub.store.judgements import Standing

REVIEW, WHITE, RED, GREEN, OPEN = (
    Verdict.UNDER_REVIEW,
    Verdict.CONFIRMED_JUSTIFIED,
    Verdict.CONFIRMED_UNJUSTIFIED,
    Verdict.REFUTED,
    Verdict.UNDETERMINED,
)
FIELDS = frozenset({"surname", "birth"})


def standing(*verdicts: Verdict) -> list[Standing]:
    return [Standing(f"agency-{at}", verdict, FIELDS) for at, verdict in enumerate(verdicts)]


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ((), None),
        ((GREEN,), GREEN),
        ((WHITE,), WHITE),
        ((REVIEW,), REVIEW),
        ((OPEN,), OPEN),
        ((GREEN, GREEN), GREEN),
        ((WHITE, RED), RED),
        ((WHITE, GREEN), REVIEW),
        ((RED, GREEN), REVIEW),
        ((WHITE, REVIEW), WHITE),
        ((GREEN, REVIEW), GREEN),
        ((GREEN, OPEN), GREEN),
        ((RED, OPEN), RED),
        ((REVIEW, OPEN), REVIEW),
    ],
)
def test_two_agencies(said: tuple[Verdict, ...], found: Verdict | None) -> None:
    for order in permutations(said):
        assert finding(standing(*order), FIELDS) is found


def test_a_refutation_holds_until_a_further_field_agrees() -> None:
    assert finding(standing(GREEN), {"birth"}) is GREEN
    assert finding(standing(GREEN), FIELDS | {"number"}) is None
    assert finding(standing(GREEN, WHITE), FIELDS | {"number"}) is WHITE
    assert finding(standing(WHITE), FIELDS | {"number"}) is WHITE


def test_what_agrees_is_read_from_the_evidence() -> None:
    stored = '[["prior","",-9.0],["birth","exact",9.5],["sex","disagree",-3.0],["surname","exact",7.0]]'
    assert agreeing(stored) == FIELDS
