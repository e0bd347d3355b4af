"""Batches whose transaction B failed, and at which beat each is tried again: 1, 2, 4 … `LONGEST` beats later.

Kept in memory: a hub that is started again tries each at once, and loses nothing, for the table says what is
indexed. Of several processes each has setbacks of its own.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, NamedTuple

LONGEST: Final = 256
"""Beats between two tries, at most: who removed the cause waits minutes and needs no command."""


class _Setback(NamedTuple):
    times: int
    due: int


class Setbacks:
    """What failed and when it is due. Called by one thread of a process."""

    def __init__(self) -> None:
        self._beat = 0
        self._held: dict[int, _Setback] = {}

    def __contains__(self, batch: int) -> bool:
        return batch in self._held

    def beat(self, waiting: Collection[int] | None) -> None:
        """The next beat begins; `waiting`, where all are known, are those that are not yet matched."""
        self._beat += 1
        if waiting is not None:
            self._held = {batch: self._held[batch] for batch in waiting if batch in self._held}

    def aside(self, batches: Collection[int]) -> list[int]:
        """All that failed but for these."""
        return sorted(self._held.keys() - set(batches))

    def due(self, batch: int) -> bool:
        """Whether it is to be tried at this beat."""
        held = self._held.get(batch)
        return held is None or held.due <= self._beat

    def failed(self, batch: int) -> int:
        """It failed at this beat; returns how often it did."""
        times = self._held[batch].times + 1 if batch in self._held else 1
        self._held[batch] = _Setback(times, self._beat + min(2 ** (times - 1), LONGEST))
        return times

    def finished(self, batch: int) -> None:
        """It is matched."""
        self._held.pop(batch, None)
