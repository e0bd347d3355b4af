"""Time as an argument: every component takes a `Clock`, so that tests move it.

All times are whole microseconds since the Unix epoch, UTC.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol

SECOND = 1_000_000
HOUR = 3_600 * SECOND
DAY = 86_400 * SECOND
_LAST = 253_402_300_799 * SECOND
"""The last second of the year 9999."""


class Clock(Protocol):
    """Where a component learns the time."""

    def now(self) -> int:
        """Microseconds since the Unix epoch, UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> int:
        return time.time_ns() // 1_000


class ManualClock:
    """A clock that moves only when told; for tests and the simulator."""

    def __init__(self, start: int = 1_767_225_600 * SECOND) -> None:
        self._now = start

    def now(self) -> int:
        return self._now

    def advance(self, microseconds: int) -> None:
        """Move forward; a negative step is a programming error."""
        if microseconds < 0:
            raise ValueError("a clock does not run backwards")
        self._now += microseconds


def moment(microseconds: int) -> datetime:
    """The `datetime` (UTC) of a time of ours; of one beyond the calendar, the end of the year 9999."""
    return datetime.fromtimestamp(min(microseconds, _LAST) / SECOND, UTC)
