"""The census: exact shares over all pairs of a sample, nothing of small cells, nothing that can be read."""

from __future__ import annotations

import os
import random

import pytest

from passerelle.chances import FAMILY, decode_chances
from passerelle.groups import EntityKind
from passerelle_connector.census import LEAST_PAIRS, LEAST_RECORDS, Census
from passerelle_connector.normalise import normalise
from passerelle_connector.normalise.subject import Subject


def people(count: int) -> list[Subject]:
    """Persons of ten surnames, four given names and forty years of birth, each combination equally often."""
    rows = [
        {
            "family_name": "Maesbcdfgh"[place % 10] + "aes",
            "given_name": ("An", "Bo", "Cas", "Dirk")[place // 10 % 4],
            "born": f"19{50 + place // 40 % 40}-{1 + place % 12:02d}-{1 + place // 1_600 + place % 7:02d}",
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
    assert found["birth", "year"] == pytest.approx(1 / 10, rel=0.2)


def test_few_records_and_few_pairs_say_nothing() -> None:
    assert stated(census(LEAST_RECORDS - 1)) == {}
    found = stated(census(LEAST_RECORDS))
    assert ("given", "exact") in found
    assert ("surname", "initial") not in found  # nobody shares it and not three letters
    assert ("street", "start") not in found
    assert FAMILY not in found


def housed(place: int, **other: str) -> Subject:
    """Somebody who shares nothing with anybody."""
    word = "bcdfghjklm"[place % 10] + "aeiou"[place // 10 % 5] + "nrstp"[place // 50 % 5]
    row = {
        "family_name": f"Vos{word}man",
        "given_name": ("An", "Bo", "Cas", "Dirk")[place % 4],
        "born": f"{1940 + place // 4 % 50}-{1 + place % 12:02d}-{1 + place % 28:02d}",
        "street": f"{word}laan",
        "house_number": str(place),
        "postcode": "9000",
    }
    return normalise(row | other).subject


def counted(*subjects: Subject) -> dict[tuple[str, str], float]:
    made = Census(random.Random(3).randbytes)
    for subject in subjects:
        made.add(subject)
    return stated(made)


def test_one_person_twice_is_no_chance() -> None:
    once = [housed(place) for place in range(LEAST_RECORDS)]
    again = [housed(place, given_name="Zoë") for place in range(100)]
    moved = [housed(place, street="Markt", family_name="Ypsilanti") for place in range(100)]
    assert counted(*once, *again, *moved) == counted(*once)


def test_families_are_counted_and_of_few_it_is_said_that_there_are_no_more() -> None:
    alone = [housed(place) for place in range(LEAST_RECORDS)]
    pairs = LEAST_RECORDS * (LEAST_RECORDS - 1) / 2
    assert counted(*alone)[FAMILY] == pytest.approx(LEAST_PAIRS / pairs, rel=0.2)
    sisters = [housed(place, given_name="Zoë", born=f"20{place:02d}-01-01") for place in range(60)]
    assert counted(*alone, *sisters)[FAMILY] == pytest.approx(60 / (260 * 259 / 2), rel=0.2)
    assert FAMILY not in counted(*alone[1:], housed(0, house_number=""))


def test_twins_and_a_son_named_as_his_father_are_counted_as_no_family() -> None:
    alone = [housed(place) for place in range(LEAST_RECORDS)]
    twins = [housed(place, given_name="Zoë") for place in range(60)]
    sons = [housed(place, born=f"20{place:02d}-01-01") for place in range(60, 99)]
    assert counted(*alone, *twins)[FAMILY] == counted(*alone)[FAMILY]
    assert counted(*alone, *sons)[FAMILY] <= counted(*alone)[FAMILY]


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
