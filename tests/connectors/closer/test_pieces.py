"""Pieces: what is compared of a record, and how much of it at most."""

from __future__ import annotations

from passerelle.closer import FIELDS, MOST_PIECES
from passerelle_connector.closer.pieces import pieces
from passerelle_connector.normalise import normalise


def cut(**row: object) -> dict[str, tuple[str, ...]]:
    return dict(pieces(normalise(row).subject))


def test_letters_by_two_with_both_ends_marked() -> None:
    found = cut(family_name="Maes", given_name="Anna", born="1980-02-03")
    assert found["surname"] == ("_M", "MA", "AE", "ES", "S_")
    assert found["given"] == ("_A", "AN", "NN", "NA", "A_")


def test_a_pair_that_stands_twice_is_numbered() -> None:
    assert cut(family_name="Papapa", born="1980-02-03")["surname"] == (
        "_P",
        "PA",
        "AP",
        "PA1",
        "AP1",
        "PA2",
        "A_",
    )


def test_digits_of_a_birth_date_with_their_places() -> None:
    assert cut(family_name="Maes", born="1980-02-03")["birth"] == (
        "01", "19", "28", "30", "40", "52", "60", "73",
    )  # fmt: skip
    assert "birth" not in cut(family_name="Maes", given_name="Anna", born="1980")


def test_address_and_bounds() -> None:
    found = cut(
        family_name="A" + "bc" * 20,
        given_name="Anna",
        born="1980-02-03",
        street="Rue Haute",
        house_number="12",
        postcode="1000",
        locality="Bruxelles",
    )
    assert set(found) == set(FIELDS)
    assert all(len(own) == len(set(own)) <= MOST_PIECES for own in found.values())


def test_only_persons_have_any() -> None:
    assert cut(organisation_name="Acme Trading", entity="organisation") == {}
