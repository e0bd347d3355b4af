"""A report of evaluations: one encoding, and what cannot be is refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerelle.errors import PasserelleError
from passerelle.evaluation_report import EvaluationCount, EvaluationReport, decode_report, encode_report
from passerelle.groups import Group

COUNTS = st.dictionaries(
    st.tuples(st.sampled_from(["customs", "police", "prisons"]), st.sampled_from(list(Group))),
    st.tuples(st.integers(1, 10**6), st.integers(0, 10**6)),
)


def report(counts: dict[tuple[str, Group], tuple[int, int]], *, made: int = 5) -> EvaluationReport:
    rows = [
        EvaluationCount(agency, group, requests, requests + more)
        for (agency, group), (requests, more) in counts.items()
    ]
    return EvaluationReport("trustee-1", 20_000, made, tuple(sorted(rows)))


@given(COUNTS)
def test_a_report_is_read_as_it_was_written(counts: dict[tuple[str, Group], tuple[int, int]]) -> None:
    made = report(counts)
    assert decode_report(encode_report(made)) == made


@given(st.binary(max_size=300))
def test_other_bytes_are_refused(payload: bytes) -> None:
    with pytest.raises(PasserelleError) as refusal:
        decode_report(payload)
    assert refusal.value.code == "evaluation_report_invalid"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("day", -1),
        ("day", "20000"),
        ("day", float("inf")),
        ("made", 1.5),
        ("counts", [["police", "phone", 2, 1]]),
        ("counts", [["police", "phone", 0, 0]]),
        ("counts", [["police", "phone", 1, 2**48 + 1]]),
        ("made", 2**63),
        ("counts", [["police", "shoe", 1, 1]]),
        ("counts", [["police", "phone", 1, 1], ["police", "phone", 1, 1]]),
        ("counts", [["police", "phone", 1, 1], ["customs", "phone", 1, 1]]),
        ("more", 1),
    ],
)
def test_a_report_that_cannot_be_is_refused(field: str, value: object) -> None:
    fields = json.loads(encode_report(report({("police", Group.PHONE): (1, 1)})))
    fields[field] = value
    payload = json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()
    with pytest.raises(PasserelleError) as refusal:
        decode_report(payload)
    assert refusal.value.code == "evaluation_report_invalid"


def test_a_report_says_less_where_a_count_is_gone_or_smaller() -> None:
    before = report({("police", Group.PHONE): (3, 7), ("police", Group.EMAIL): (1, 0)})
    assert not before.says_less_than(before)
    assert not report({("police", Group.PHONE): (4, 7), ("police", Group.EMAIL): (1, 0)}).says_less_than(
        before
    )
    assert report({("police", Group.PHONE): (3, 7)}).says_less_than(before)
    assert report({("police", Group.PHONE): (3, 6), ("police", Group.EMAIL): (1, 0)}).says_less_than(before)
