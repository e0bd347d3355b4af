"""Clocks."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from passerelle.clock import DAY, SECOND, ManualClock, SystemClock, moment


def test_the_systems_clock_counts_microseconds() -> None:
    before = time.time_ns() // 1_000
    assert before <= SystemClock().now() <= before + 60 * SECOND


def test_a_manual_clock_moves_only_when_told_and_never_back() -> None:
    clock = ManualClock(5)
    clock.advance(DAY)
    assert clock.now() == clock.now() == DAY + 5
    with pytest.raises(ValueError, match="backwards"):
        clock.advance(-1)


@pytest.mark.parametrize("late", [253_402_300_800 * SECOND, 2**63 - 1, 10**40])
def test_a_time_that_no_calendar_has_is_the_calendars_last(late: int) -> None:
    assert moment(late) == datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


def test_a_moment_is_in_utc() -> None:
    assert moment(1_767_225_600 * SECOND) == datetime(2026, 1, 1, tzinfo=UTC)
