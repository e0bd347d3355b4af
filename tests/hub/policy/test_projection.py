"""Projection: equal keys exactly where the declared fields are equal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerelle.clock import DAY
from passerelle.errors import PasserelleError
from passerelle_hub.policy.model import Facts
from passerelle_hub.policy.projection import MAX_NESTING, projection

ALL = projection(
    "all",
    {
        "cache": True,
        "fields": {
            "a": "value",
            "now": "day",
            "record.tags": "set",
            "context.case": "present",
            "context.other.deep": "value",
        },
    },
)

scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5))
inputs = st.fixed_dictionaries(
    {},
    optional={
        "a": scalars,
        "now": st.integers(0, 3 * DAY),
        "record": st.one_of(
            st.none(), st.fixed_dictionaries({}, optional={"tags": st.lists(st.text(max_size=2))})
        ),
        "context": st.fixed_dictionaries(
            {}, optional={"case": scalars, "other": st.fixed_dictionaries({}, optional={"deep": scalars})}
        ),
        "unread": scalars,
    },
)


@given(inputs, inputs)
def test_keys_are_equal_exactly_where_projections_are(one: dict[str, object], two: dict[str, object]) -> None:
    first, second = ALL.key(one), ALL.key(two)
    same = repr(ALL.restore([first])) == repr(ALL.restore([second]))
    assert (first == second) == same


def test_how_each_kind_takes_its_field() -> None:
    key = ALL.key({"now": DAY + 5, "record": {"tags": ("b", "a", "b")}, "context": {"case": "C-1"}, "x": 1})
    assert ALL.restore([key, key])[1] == {
        "now": DAY,
        "record": {"tags": ["a", "b"]},
        "context": {"case": True},
    }


def test_what_is_read_of_facts_is_read_once_by_each_projection() -> None:
    record, context = Facts({"tags": ["b"], "x": 1}), Facts({"case": "", "other": {"deep": 2}})
    one = {"a": 1, "record": record, "context": context}
    plain = {"a": 1, "record": dict(record), "context": dict(context)}
    other = projection("other", {"cache": True, "fields": {"record.x": "value"}})
    for _ in range(2):
        assert ALL.key(one) == ALL.key(plain)
        assert other.key(one) == '{"record":{"x":1}}'
    for _ in range(20):  # revisions
        another = projection("another", {"cache": True, "fields": {"record.tags": "set"}})
        assert another.key(one) == '{"record":{"tags":["b"]}}'
    assert len(record.read) < 20


def test_a_field_is_not_read_as_a_whole_and_in_parts() -> None:
    with pytest.raises(PasserelleError, match="policy_bundle_invalid"):
        projection("p", {"cache": True, "fields": {"record": "value", "record.x": "value"}})


def test_absent_is_not_null() -> None:
    assert ALL.key({}) != ALL.key({"a": None})


def test_a_mistyped_parent_is_an_absent_one() -> None:
    assert ALL.restore([ALL.key({"record": "text", "context": {"other": 3}})]) == [{}]


def test_true_is_not_one() -> None:
    assert ALL.key({"a": True}) != ALL.key({"a": 1})


def test_mixed_sets_stay_as_they_are_for_the_schema_to_refuse() -> None:
    assert ALL.restore([ALL.key({"record": {"tags": ["b", 1]}})]) == [{"record": {"tags": ["b", 1]}}]


def nested(depth: int) -> list[object]:
    made: list[object] = []
    for _ in range(depth):
        made = [made]
    return made


@pytest.mark.parametrize("value", [b"bytes", float("inf"), "x" * 20_000, object(), nested(300), nested(900)])
def test_what_is_no_json_has_no_key(value: object) -> None:
    with pytest.raises(PasserelleError):
        ALL.key({"a": value})


def test_lists_may_be_nested_up_to_the_bound_however_short_the_key_is() -> None:
    most = nested(MAX_NESTING - 2)  # within one list and the object around it
    assert ALL.restore([ALL.key({"a": most})]) == [{"a": most}]
    with pytest.raises(PasserelleError):
        ALL.key({"a": nested(MAX_NESTING - 1)})


@pytest.mark.parametrize(
    "document", [{}, {"fields": {"a": "value"}}, {"cache": True}, {"cache": True, "fields": {"a": "guess"}}]
)
def test_incomplete_projections_are_refused(document: dict[str, object]) -> None:
    with pytest.raises(PasserelleError):
        projection("p", document)
