"""The marking of a row: constants, overrides, closed vocabularies, the age of the subject."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerelle.clock import SECOND
from passerelle.errors import PasserelleError
from passerelle.marking import AgeBand, Classification, Grading, Handling, TerCategory
from passerelle_connector.marking import MarkingPlan, age_band

TABLE = {"purposes": ["terrorism"], "legal_basis": "law-2024-03-29", "handling": "H1", "review": "2027-01-01"}


def micro(year: int, month: int = 1, day: int = 1) -> int:
    return int(datetime(year, month, day, tzinfo=UTC).timestamp()) * SECOND


def test_rows_override_constants() -> None:
    plan = MarkingPlan.compile(TABLE)
    row = {
        "handling": ("h2",),
        "classification": ("Top secret",),
        "ter_category": ("pre_investigation",),
        "releasable_to": ("customs", "police"),
        "embargo_basis": ("art-12",),
        "case_reference": ("C-1",),
        "reliability": ("b",),
        "credibility": ("2",),
    }
    marking = plan.mark(row, AgeBand.MINOR)
    assert marking.handling is Handling.H2
    assert marking.classification is Classification.TOP_SECRET
    assert marking.ter_category is TerCategory.PRE_INVESTIGATION
    assert marking.releasable_to == ("customs", "police")
    assert marking.embargoed
    assert marking.grading == Grading("B", 2)
    assert marking.age_band is AgeBand.MINOR
    assert plan.mark({}, AgeBand.UNKNOWN).handling is Handling.H1


def test_dates_of_the_row_and_of_the_table() -> None:
    lifetime = MarkingPlan.compile(TABLE).lifetime({"collected": ("2026-03-01T12:00:00+02:00",)}, created=7)
    assert lifetime.created == 7
    assert lifetime.collected == micro(2026, 3, 1) + 10 * 3600 * SECOND
    assert lifetime.review == micro(2027)


@pytest.mark.parametrize(
    "row",
    [
        {"handling": ("H9",)},
        {"classification": ("3",)},
        {"tlp": ("pink",)},
        {"credibility": ("many",)},
        {"reliability": ("Z",)},
        {"handling": ("H1", "H2")},
        {"legal_basis": ()},
        {"purposes": ()},
    ],
)
def test_a_code_outside_its_vocabulary_refuses_the_row(row: dict[str, tuple[str, ...]]) -> None:
    with pytest.raises(PasserelleError) as caught:
        MarkingPlan.compile(TABLE).mark(row, AgeBand.UNKNOWN)
    assert caught.value.code == "row_marking_invalid"
    assert set(row) & set(caught.value.detail.replace(",", "").split())


@pytest.mark.parametrize("value", [("soon",), ("2026-01-01", "2026-01-02")])
def test_a_date_that_is_none_refuses_the_row(value: tuple[str, ...]) -> None:
    with pytest.raises(PasserelleError) as caught:
        MarkingPlan.compile(TABLE).lifetime({"collected": value}, created=0)
    assert (caught.value.code, caught.value.detail) == ("row_marking_invalid", "collected")


@pytest.mark.parametrize(
    "table",
    [
        {**TABLE, "colour": "red"},
        {**TABLE, "handling": "H9"},
        {"legal_basis": "x"},
        {**TABLE, "tlp": {"a": 1}},
    ],
)
def test_a_wrong_table_is_refused(table: dict[str, object]) -> None:
    with pytest.raises(PasserelleError) as caught:
        MarkingPlan.compile(table)
    assert caught.value.code == "mapping_invalid"


@pytest.mark.parametrize(
    ("births", "expected"),
    [
        ([], AgeBand.UNKNOWN),
        (["2000-06-15"], AgeBand.ADULT),
        (["2008-06-15"], AgeBand.ADULT),
        (["2008-06-16"], AgeBand.MINOR),
        (["2014-06-15"], AgeBand.MINOR),
        (["2014-06-16"], AgeBand.UNDER_TWELVE),
        (["2014-06"], AgeBand.UNDER_TWELVE),
        (["2014-05"], AgeBand.MINOR),
        (["2014"], AgeBand.UNDER_TWELVE),
        (["2013"], AgeBand.MINOR),
        (["1970-01-01", "2020-01-01"], AgeBand.UNDER_TWELVE),
    ],
)
def test_age_bands_at_their_edges(births: list[str], expected: AgeBand) -> None:
    assert age_band(births, micro(2026, 6, 15)) is expected


@given(st.dates(date(1900, 1, 1), date(2026, 1, 1)))
def test_less_precision_never_makes_a_subject_older(born: date) -> None:
    order = [AgeBand.UNDER_TWELVE, AgeBand.MINOR, AgeBand.ADULT]
    at = micro(2026, 6, 15)
    bands = [age_band([born.strftime(form)], at) for form in ("%Y", "%Y-%m", "%Y-%m-%d")]
    assert [order.index(band) for band in bands] == sorted(order.index(band) for band in bands)
