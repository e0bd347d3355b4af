"""How many records the next batch holds: by how long the hub took for the last one.

(1) A batch of the present size that was answered within `QUICK_SECONDS` lets the next ones hold `STEP` more.
(2) One that took longer than `SLOW_SECONDS`, or that the hub had no room for, halves them.
(3) Never fewer than `LEAST`, never more than the connector's own bound, which is also where it begins.

Many connectors that do so share a hub that is short of time: each takes less at once and all go on. What was
closed already keeps its size. Plain numbers that one thread sets and another reads.
"""

from __future__ import annotations

from typing import Final

from passerelle.clock import SECOND
from passerelle.log import get_logger

LEAST: Final = 50
STEP: Final = 25
QUICK_SECONDS: Final = 2
SLOW_SECONDS: Final = 5
_LOG: Final = get_logger("outbox")


class BatchSize:
    """The size of the batches of one connector."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._least = min(LEAST, most)
        self.records = most

    def answered(self, records: int, took: int | None) -> None:
        """The hub answered a batch of so many records, after microseconds; None: it had no room for it."""
        if took is None or took > SLOW_SECONDS * SECOND:  # (2)
            self._set(self.records // 2)
        elif took <= QUICK_SECONDS * SECOND and records >= self.records:  # (1)
            self._set(self.records + STEP)

    def _set(self, records: int) -> None:
        bounded = max(self._least, min(records, self._most))  # (3)
        if bounded != self.records:
            self.records = bounded
            _LOG.info("batch.size", records=bounded)
