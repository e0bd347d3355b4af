"""Budgets: billed once, whole, per agency, group and day; durable and atomic."""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from passerelle.clock import DAY, ManualClock
from passerelle.errors import PasserelleError
from passerelle.groups import Group
from passerelle.oprf.protocol import EvaluateRequest
from passerelle_trustee.quota import Budgets, Quota
from passerelle_trustee.store import DayCount, Ledger


def _request(number: int, count: int = 3, group: Group = Group.PHONE, content: int = 0) -> EvaluateRequest:
    elements = bytes([content]) * 32 * count
    return EvaluateRequest(number.to_bytes(16, "big"), "demo", group, 1, 1, (1, 2), elements)


def _elements(quota: Quota, clock: ManualClock) -> int:
    return sum(count.elements for count in quota.counts(clock.now() // DAY))


def test_pieces_have_no_budget_unless_one_is_set(clock: ManualClock, tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.db")
    with pytest.raises(PasserelleError, match="evaluation_budget_exceeded"):
        Quota(ledger, Budgets(), clock).reserve("customs", _request(1, count=1, group=Group.PIECE))
    Quota(ledger, Budgets({Group.PIECE: 1}), clock).reserve(
        "customs", _request(1, count=1, group=Group.PIECE)
    )


def test_a_budget_is_used_up_and_not_exceeded(quota: Quota, clock: ManualClock) -> None:
    for number in range(3):
        quota.reserve("customs", _request(number))
    with pytest.raises(PasserelleError, match="evaluation_budget_exceeded") as caught:
        quota.reserve("customs", _request(3, count=2))
    assert caught.value.detail == "phone: 9 used and 2 asked of 10"
    quota.reserve("customs", _request(4, count=1))
    assert quota.counts(clock.now() // DAY) == (
        DayCount(clock.now() // DAY, "customs", Group.PHONE, requests=4, elements=10),
    )


def test_agencies_groups_and_days_are_apart(quota: Quota, clock: ManualClock) -> None:
    quota.reserve("customs", _request(1, count=10))
    quota.reserve("police", _request(1, count=10))
    quota.reserve("customs", _request(2, count=4, group=Group.EMAIL))
    clock.advance(DAY - clock.now() % DAY)
    quota.reserve("customs", _request(3, count=10))
    today = clock.now() // DAY
    assert [(count.agency, count.group, count.elements) for count in quota.counts(today - 1)] == [
        ("customs", Group.EMAIL, 4),
        ("customs", Group.PHONE, 10),
        ("police", Group.PHONE, 10),
    ]
    assert [count.agency for count in quota.counts(today)] == ["customs"]


def test_exceptions_and_groups_without_a_budget(quota: Quota) -> None:
    quota.reserve("police", _request(1, count=100, group=Group.EMAIL))
    for agency, asked in (("customs", _request(1, 5, Group.EMAIL)), ("police", _request(2, 1, Group.WALLET))):
        with pytest.raises(PasserelleError, match="evaluation_budget_exceeded"):
            quota.reserve(agency, asked)


def test_every_group_has_a_default_budget() -> None:
    assert all(Budgets().of("anyone", group) > 0 for group in set(Group) - {Group.PIECE})


def test_a_retry_is_billed_once_even_with_another_quorum(quota: Quota, clock: ManualClock) -> None:
    for asked in (_request(1), _request(1), replace(_request(1), quorum=(1, 3), generation=2)):
        quota.reserve("customs", asked)
    clock.advance(DAY)
    quota.reserve("customs", _request(1))
    assert _elements(quota, clock) == 0
    clock.advance(0)
    assert [count.elements for count in quota.counts(clock.now() // DAY - 1)] == [3]


def test_a_retry_is_free_when_the_budget_is_used_up(quota: Quota) -> None:
    quota.reserve("customs", _request(1, count=10))
    quota.reserve("customs", _request(1, count=10))
    with pytest.raises(PasserelleError, match="evaluation_budget_exceeded"):
        quota.reserve("customs", _request(2, count=1))


@pytest.mark.parametrize(
    "change",
    [
        {"elements": b"\x01" * 96},
        {"elements": bytes(32)},
        {"group": Group.EMAIL},
        {"epoch": 2},
        {"domain": "other"},
    ],
    ids=str,
)
def test_a_request_id_buys_one_request(quota: Quota, clock: ManualClock, change: dict[str, Any]) -> None:
    quota.reserve("customs", _request(1))
    with pytest.raises(PasserelleError, match="request_id_reused"):
        quota.reserve("customs", replace(_request(1), **change))
    quota.reserve("police", replace(_request(1), elements=b"\x01" * 96))
    assert _elements(quota, clock) == 6


def test_bills_survive_a_restart(tmp_path: Path, clock: ManualClock) -> None:
    file = tmp_path / "ledger.sqlite"
    for _ in range(2):
        ledger = Ledger(file)
        quota = Quota(ledger, Budgets({Group.PHONE: 10}), clock)
        quota.reserve("customs", _request(1, count=10))
        assert _elements(quota, clock) == 10
        ledger.close()
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_budget_holds_against_threads(quota: Quota, clock: ManualClock) -> None:
    def attempt(number: int) -> bool:
        try:
            quota.reserve("customs", _request(number, count=1))
        except PasserelleError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(24))) == 10
    assert _elements(quota, clock) == 10


def test_old_requests_are_forgotten_and_their_counts_kept(quota: Quota, clock: ManualClock) -> None:
    quota.reserve("customs", _request(1, count=2))
    clock.advance(DAY)
    quota.reserve("customs", _request(2, count=2))
    today = clock.now() // DAY
    assert quota.forget(today) == 1
    assert [count.elements for day in (today - 1, today) for count in quota.counts(day)] == [2, 2]
    quota.reserve("customs", _request(1, count=2, content=1))
    assert _elements(quota, clock) == 4


class Billing(RuleBasedStateMachine):
    """Against a model: a dictionary of what was billed, and a sum."""

    @initialize()
    def start(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.clock = ManualClock()
        self.ledger = Ledger(Path(self.folder.name) / "ledger.sqlite")
        self.quota = Quota(self.ledger, Budgets({Group.PHONE: 12}), self.clock)
        self.billed: dict[int, tuple[int, int]] = {}
        self.used = 0

    @rule(number=st.integers(0, 5), count=st.integers(1, 6), content=st.integers(0, 1))
    def reserve(self, number: int, count: int, content: int) -> None:
        before = self.billed.get(number)
        expected = ""
        if before not in (None, (count, content)):
            expected = "request_id_reused"
        elif before is None and self.used + count > 12:
            expected = "evaluation_budget_exceeded"
        try:
            self.quota.reserve("customs", _request(number, count, content=content))
            happened = ""
        except PasserelleError as error:
            happened = error.code
        assert happened == expected
        if not expected and before is None:
            self.billed[number] = (count, content)
            self.used += count

    @rule()
    def next_day(self) -> None:
        self.clock.advance(DAY)
        self.used = 0

    @invariant()
    def the_sum_is_what_was_billed(self) -> None:
        if hasattr(self, "quota"):
            assert _elements(self.quota, self.clock) == self.used

    def teardown(self) -> None:
        if hasattr(self, "ledger"):
            self.ledger.close()
            self.folder.cleanup()


TestBilling = Billing.TestCase
TestBilling.settings = settings(max_examples=8, stateful_step_count=12, deadline=None)
