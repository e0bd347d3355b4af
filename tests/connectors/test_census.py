"""The census: exact shares over all pairs of a sample, nothing of small cells, nothing that can be read."""

from __future__ import annotations

import os
import random

import pytest

from passerelle.chances import decode_chances
from passerelle.groups import EntityKind
from passerelle_connector.census import LEAST_RECORDS, Census
from passerelle_connector.normalise import normalise
from passerelle_connector.normalise.subject import Subject


def people(count: int) -> list[Subject]:
    """Persons of ten surnames and four given names, each combination equally often."""
    rows = [
        {
            "family_name": "Maesbcdfgh"[place % 10] + "aes",
            "given_name": ("An", "Bo", "Cas", "Dirk")[place // 10 % 4],
            "born": f"19{50 + place % 40}-01-01",
            "postcode": "9000",
        }
        for place in range(count)
    ]
    return [normalise(row).subject for row in rows]


def census(count: int, size: int = 4_000) -> Census:
    made = Census(random.Random(3).randbytes, size)
    for subject in people(count):
        made.add(subject)
    return made


def stated(made: Census) -> dict[tuple[str, str], float]:
    return {(one.field, one.level): one.value for one in decode_chances(made.stated())}


def test_what_is_stated_is_the_share_of_pairs_that_agree() -> None:
    found = stated(census(400))
    assert found["given", "exact"] == pytest.approx(0.25, rel=0.2)
    assert found["surname", "exact"] == pytest.approx(0.1, rel=0.2)
    assert found["postcode", "exact"] == 1.0
    assert found["birth", "exact"] == pytest.approx(1 / 40, rel=0.2)


def test_few_records_and_few_pairs_say_nothing() -> None:
    assert stated(census(LEAST_RECORDS - 1)) == {}
    found = stated(census(LEAST_RECORDS))
    assert ("given", "exact") in found
    assert ("birth", "year") not in found  # nobody shares a year and not the day
    assert ("street", "start") not in found


def test_a_sample_stands_for_all() -> None:
    found = stated(census(3_000, size=300))
    assert found["given", "exact"] == pytest.approx(0.25, rel=0.3)


def test_organisations_are_not_counted_and_no_value_is_kept() -> None:
    made = census(1)
    made.add(Subject(EntityKind.ORGANISATION))
    kept = repr(vars(made))
    assert "Aes" not in kept
    assert "MAES" not in kept
    assert "9000" not in kept


def test_a_real_source_of_randomness_serves() -> None:
    made = Census(os.urandom, 2)
    for subject in people(5):
        made.add(subject)
    assert made.stated() == b""
