"""Markings: the grid of gradings, and how Admiralty maps onto it."""

from __future__ import annotations

import pytest

from passerelle.errors import PasserelleError
from passerelle.marking import Classification, Grading, ThreatLevel


@pytest.mark.parametrize(
    ("admiralty", "grading"),
    [(("A", 1), ("A", 1)), (("C", 3), ("B", 2)), (("E", 5), ("C", 3)), (("F", 6), ("X", 4))],
)
def test_admiralty_maps_onto_the_grid(admiralty: tuple[str, int], grading: tuple[str, int]) -> None:
    assert Grading.from_admiralty(*admiralty) == Grading(*grading)


@pytest.mark.parametrize("grade", [("G", 1), ("A", 7), ("", 0)])
def test_outside_the_admiralty_grid_is_refused(grade: tuple[str, int]) -> None:
    with pytest.raises(PasserelleError) as caught:
        Grading.from_admiralty(*grade)
    assert caught.value.code == "marking_invalid"


@pytest.mark.parametrize("grade", [("D", 1), ("A", 5), ("A", 0)])
def test_outside_the_grid_is_refused(grade: tuple[str, int]) -> None:
    with pytest.raises(PasserelleError) as caught:
        Grading(*grade)
    assert caught.value.code == "marking_invalid"


def test_classifications_and_levels_are_ordered() -> None:
    assert Classification.SECRET > Classification.RESTRICTED
    assert ThreatLevel.VERY_SERIOUS > ThreatLevel.LOW
