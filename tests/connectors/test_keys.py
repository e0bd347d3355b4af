"""Match keys: what they are made of, how many there are, and which are never made."""

from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerelle.catalogue import Tier, catalogue
from passerelle_connector.keys import SEPARATOR, Key, derive
from passerelle_connector.normalise import normalise

CORE = frozenset({Tier.CORE})
ALL = frozenset(Tier)
FULL: dict[str, Any] = {
    "family_name": "Dewulf",
    "given_name": "Marijke",
    "middle_name": "Anna",
    "born": "1980-03-12",
    "sex": "F",
    "national_number": "80031210088",
}


def keys(row: dict[str, Any], tiers: frozenset[Tier] = CORE) -> tuple[Key, ...]:
    result = normalise(row)
    assert not result.rejected
    return derive(result.subject, catalogue(), tiers)


def named(row: dict[str, Any], tiers: frozenset[Tier] = CORE) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key in keys(row, tiers):
        found.setdefault(catalogue().kind(key.kind_id).name, []).append(
            key.value.decode().replace(SEPARATOR, "|")
        )
    return found


def national_number() -> str:
    head = "800312100"
    return f"{head}{97 - int(head) % 97:02d}"


def test_a_full_record_of_a_person() -> None:
    found = named(FULL | {"national_number": national_number()})
    assert found["surname+given+birth"] == ["DEWULF|MARIJKE|1980-03-12"]
    assert found["surname~+birth"] == ["TLF|1980-03-12"]
    assert found["names in any order+birth two of three"] == [
        "MRK TLF|ym198003",
        "MRK TLF|yd198012",
        "MRK TLF|md0312",
    ]
    assert found["initials in any order+birth"] == ["D|M|1980-03-12"]
    assert found["number+surname3"] == [f"BE{national_number()}|DEW"]
    assert sum(len(values) for values in found.values()) == 18


EXACT, PHONETIC, ANY_ORDER = "surname+given+birth", "surname~+birth", "names in any order+birth two of three"


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        ("Müller, Jörg", "Mueller, Joerg", EXACT),
        ("Müller, Jörg", "Muller, Jorg", EXACT),
        ("Van Damme, An", "Vandamme, An", EXACT),
        ("El Khattabi, Said", "Khattabi, Said", EXACT),
        ("Haddad, Abd al-Rahman", "Haddad, Abdulrahman", EXACT),
        ("Иванов, Юрий", "Ivanov, Iurii", EXACT),
        ("Иванов, Юрий", "Iwanow, Youri", PHONETIC),
        ("Maes, Jan", "Jan, Maes", ANY_ORDER),
        ("Maes, Jan", "Jan Maes", ANY_ORDER),
    ],
)
def test_spellings_meet_in_a_key(one: str, other: str, shared: str) -> None:
    first, second = (named({"full_name": name, "born": "1980-03-12"})[shared] for name in (one, other))
    assert set(first) & set(second)


def test_common_surnames_get_no_key_of_names_alone() -> None:
    rare = {"surname+given+sex", "surname+given+middle initial"}
    assert rare <= named(FULL).keys()
    assert not rare & named(FULL | {"family_name": "Peeters"}).keys()


def test_whole_names_only_where_the_tier_is_allowed_and_never_weak_or_single() -> None:
    row = {"names": [{"name": "Jan Maes"}, {"name": "Jef Maes", "quality": "weak"}, {"name": "Zubayr"}]}
    assert keys(row) == ()
    assert named(row, ALL) == {"whole name": ["JAN MAES"], "whole name~": ["JN MS"]}


def test_an_organisation_and_a_means() -> None:
    row = {"organisation_name": "Rahat Trading Ltd", "locality": "Gent", "enterprise_number": "0403019261"}
    assert set(named(row)) == {"organisation name+locality", "organisation name~+locality"}
    assert {"organisation name", "enterprise number"} <= named(row, ALL).keys()
    assert named({"plate": "1-ABC-123", "vin": "WVWZZZ1JZXW000001"}, ALL) == {
        "plate": ["BE:1ABC123"],
        "VIN": ["WVWZZZ1JZXW000001"],
    }


def test_a_bare_year_or_half_a_name_gives_less() -> None:
    year = named(FULL | {"born": "1980", "national_number": "", "sex": ""})
    assert set(year) == {
        "surname+given+birth year",
        "surname+given+middle initial",
        "names in any order+birth year",
    }
    half = named({"family_name": "Dewulf", "born": "1980-03-12"})
    assert set(half) == {"surname~+birth", "surname3+birth"}
    assert set(named({"given_name": "Marijke", "born": "1980-03-12"})) == {"given+birth", "given3+birth"}


names = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZéüØЩع '-", min_size=1, max_size=15)


@given(st.lists(st.tuples(names, names), min_size=1, max_size=30), st.lists(st.dates(), max_size=4))
def test_counts_stay_within_the_catalogue_and_order_is_stable(
    people: list[tuple[str, str]], born: list[Any]
) -> None:
    row = {"names": [{"family": f, "given": g} for f, g in people], "born": [day.isoformat() for day in born]}
    result = normalise(row)
    found = derive(result.subject, catalogue(), ALL)
    assert found == derive(result.subject, catalogue(), ALL)
    assert len(found) == len(set(found))
    for kind in catalogue().kinds.values():
        count = sum(key.kind_id == kind.id for key in found)
        assert count <= kind.max_values
        assert count <= kind.padded(count) <= kind.max_values


def test_every_kind_is_derived_by_some_row() -> None:
    extras = {
        "phone": "0470123456", "email": "a@example.org", "iban": "BE43068999999501", "plate": "1-ABC-123",
        "vin": "WVWZZZ1JZXW000001", "imei": "356938035643817", "imsi": "206011234567890", "handle": "x:y_z",
        "wallet": "1BoatSLRHtKNngkdXEeobR76b53LETtpyT", "ip": "193.191.0.5",
        "enterprise_number": "0403019261",
        "passport": {"number": "EL123456", "state": "BE"},
    }  # fmt: skip
    home = {"street": "Rue Haute", "house_number": "12b", "postcode": "9000", "locality": "Gent"}
    person = named(FULL | extras | home | {"national_number": national_number()}, ALL)
    organisation = named({"organisation_name": "Rahat Trading", "locality": "Gent"}, ALL)
    house = named(home | {"entity": "means"}, ALL)
    found = person.keys() | organisation.keys() | house.keys()
    assert found == {kind.name for kind in catalogue().kinds.values()}


HOUSED = {
    "street": "Kerkstraat 4",
    "house_number": "012 bus 3",
    "postcode": "9000",
    "locality": "Sint-Niklaas",
}


def test_an_unsplit_name_of_two_parts_gives_its_initials_with_the_birth_date() -> None:
    split = named({"family_name": "Maes", "given_name": "An", "born": "1980-03-12"}, CORE)
    unsplit = named({"full_name": "An Maes", "born": "1980-03-12"}, CORE)
    kind = "initials in any order+birth"
    assert unsplit[kind] == split[kind] == ["A|M|1980-03-12"]
    assert kind not in named({"full_name": "An Rita Maes", "born": "1980-03-12"}, CORE)
    assert kind not in named({"full_name": "An Maes", "born": "1980-03"}, CORE)


def test_an_address_gives_keys_only_with_a_name_or_a_birth_date() -> None:
    tiers = frozenset({Tier.ADDRESS})
    found = named(FULL | HOUSED, tiers)
    assert found["birth+street"] == ["1980-03-12|KERK"]
    assert found["name part+street+house number"] == ["DEW|KERK|12", "MAR|KERK|12"]
    assert found["surname3+street+postcode digits"] == ["DEW|KERK|0009"]
    assert found["given3+locality+house number"] == ["MAR|SINTNIKLAAS|12"]
    assert named({"full_name": "Marijke", **HOUSED}, tiers) == {}


def test_a_house_that_is_a_record_of_its_own_gives_one_key_and_needs_the_tier() -> None:
    house = {"entity": "means", **HOUSED}
    assert named(house, ALL) == {"address": ["9000|KERK|12"]}
    assert named(house, frozenset({Tier.CORE, Tier.STRONG})) == {}
    for missing in ("street", "house_number", "postcode"):
        assert named({name: text for name, text in house.items() if name != missing}, ALL) == {}
    assert "address" not in named(FULL | HOUSED, ALL)
    assert normalise(HOUSED).rejected  # nobody said that it is about a house


@pytest.mark.parametrize(
    ("one", "other"),
    [("Rue Haute", "Haute"), ("Bd d'Avroy", "Boulevard d'Avroy"), ("Molen straat", "Molenstraat")],
)
def test_a_street_is_known_by_its_start(one: str, other: str) -> None:
    first, second = (named(FULL | HOUSED | {"street": text}, ALL)["birth+street"] for text in (one, other))
    assert first == second


@pytest.mark.parametrize("typed", ["DEWULFF", "DEWUL", "DEWELF", "DEWLUF", "DEWULF"])
def test_one_letter_wrong_meets_in_the_edit_tier(typed: str) -> None:
    kind = "surname but one letter+birth"
    right, wrong = (set(named(FULL | {"family_name": name}, ALL)[kind]) for name in ("DEWULF", typed))
    assert right & wrong
    assert not right & set(named(FULL | {"family_name": "DUWELF"}, ALL)[kind])


def test_a_long_name_gives_no_more_forms_than_every_record_shows() -> None:
    for name in ("X", "ABCDEFGHIJKLMNOPQRSTUVW"):
        count = len(named(FULL | {"family_name": name}, ALL)["surname but one letter+birth"])
        assert catalogue().named("surname but one letter+birth").padded(count) == 16


def test_values_of_different_kinds_never_collide_inside_one_kind() -> None:
    rows = [
        {"family_name": f, "given_name": g, "born": "1980-03-12"}
        for f, g in product(("AB", "A"), ("C", "BC"))
    ]
    exact = [tuple(named(row)["surname+given+birth"]) for row in rows]
    assert len(set(exact)) == len(rows)
