"""The catalogue of match keys keeps its own rules, and refuses a table that does not."""

import itertools
from importlib import resources

import pytest

from passerelle.catalogue import KEYS_VERSION, Tier, catalogue, load
from passerelle.errors import PasserelleError
from passerelle.groups import EntityKind, Group

TEXT = (resources.files("passerelle") / "data" / "keys-1.toml").read_text("utf-8")


def test_the_shipped_table() -> None:
    book = catalogue()
    assert book.version == KEYS_VERSION
    assert book.named("surname+given+birth").id == 1
    assert book.kind(20).group is Group.NATIONAL_NUMBER
    assert {kind.tier for kind in book.kinds.values()} == set(Tier)


def test_no_person_key_of_the_core_lacks_an_anchor() -> None:
    for kind in catalogue().kinds.values():
        if kind.tier is Tier.CORE and kind.entities == frozenset({EntityKind.PERSON}):
            fields = {proof.field for proof in kind.proves}
            assert len(fields) >= 2
            assert fields & {"birth", "number"} or kind.rare_names


def test_every_kind_with_the_number_has_the_group_of_the_number() -> None:
    for kind in catalogue().kinds.values():
        proves_number = any(proof.field == "number" for proof in kind.proves)
        assert proves_number is (kind.group is Group.NATIONAL_NUMBER)


def test_padding_shows_the_order_of_magnitude_only() -> None:
    triple = catalogue().named("names in any order+birth two of three")
    assert [triple.padded(count) for count in (0, 1, 3, 4, 6, 7, 24)] == [0, 3, 3, 6, 6, 12, 24]
    single = catalogue().named("phone")
    assert [single.padded(count) for count in (1, 2, 3, 9, 16)] == [1, 2, 4, 16, 16]


def test_a_count_tells_one_of_a_few_orders_of_magnitude() -> None:
    """Whatever a record has of a kind, it shows one of at most seven counts, each twice the one before."""
    for kind in catalogue().kinds.values():
        shown = sorted({kind.padded(count) for count in range(1, kind.max_values + 1)})
        assert shown[0] == kind.values
        assert shown[-1] == kind.max_values
        assert len(shown) <= 7
        assert all(more in (2 * less, kind.max_values) for less, more in itertools.pairwise(shown))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('version = "keys/1"', 'version = "keys/2"'),
        ('proves = ["surname.exact", "given.exact", "birth.exact"]', 'proves = ["birth.exact"]'),
        (
            'proves = ["surname.exact", "given.exact", "birth.exact"]',
            'proves = ["surname.exact", "given.exact"]',
        ),
        ('proves = ["given.exact", "birth.exact"]', 'proves = ["sex.exact", "birth.exact"]'),
        ('proves = ["given.exact", "birth.exact"]', 'proves = ["religion.exact", "birth.exact"]'),
        ("id = 2\n", "id = 1\n"),
        ("id = 2\n", "id = 65536\n"),
        ('name = "given+birth"', 'name = "surname~+birth"'),
        ('proves = ["name_part.first3", "street.start", "house_number.exact"]', 'proves = ["street.start"]'),
        (
            'proves = ["given.first3", "locality.exact", "house_number.exact"]',
            'proves = ["given.first3", "locality.exact"]',
        ),
        ("values = 16\nmax_values = 16", "values = 16\nmax_values = 32"),
        ("values = 3\nmax_values = 24", "values = 30\nmax_values = 24"),
    ],
)
def test_a_table_that_breaks_a_rule_is_refused(old: str, new: str) -> None:
    assert old in TEXT
    with pytest.raises(PasserelleError) as caught:
        load(TEXT.replace(old, new))
    assert caught.value.code == "catalogue_invalid"


def test_a_component_without_a_level_is_refused() -> None:
    broken = TEXT.replace('"sex.exact" = 1.0', '"sex.exact" = 1.0\n"sex" = 1.0').replace(
        '"sex.exact"]', '"sex"]'
    )
    with pytest.raises(PasserelleError, match="catalogue_invalid"):
        load(broken)


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(PasserelleError, match="key_kind_unknown"):
        catalogue().kind(4711)
    with pytest.raises(PasserelleError, match="key_kind_unknown"):
        catalogue().named("shoe size")


@pytest.mark.parametrize(
    "proves", ['["birth.exact"]', '["surname.exact", "given.exact"]', '["surname.exact", "sex.exact"]']
)
def test_no_minimum_however_low_lets_a_weak_key_through(proves: str) -> None:
    """The rules on weak keys hold beside the minimum of entropy."""
    low = TEXT.replace("core = 18.0", "core = 0.1")
    with pytest.raises(PasserelleError) as caught:
        load(low.replace('proves = ["surname.exact", "given.exact", "birth.exact"]', f"proves = {proves}"))
    assert "entropy" not in caught.value.detail
