"""What failed on the tick, and at which beat it is tried again: 1, 2, 4 … `LONGEST` beats later.

Of batches, whose transaction B failed or that could not be scored anew, and of changes that could not be
worked into clusters, by key. Kept in memory: a hub that is started again tries each at once, and loses
nothing, for the table says what waits. Of several processes each has setbacks of its own.
"""

from __future__ import annotations

import traceback
from collections.abc import Collection
from pathlib import Path
from typing import Final, NamedTuple

PASSING: Final = frozenset({"policy_unavailable", "database_unavailable"})
"""What hinders everything alike; the code of a setback is none of them."""
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

    def __contains__(self, key: int) -> bool:
        return key in self._held

    def beat(self, waiting: Collection[int] | None = None) -> None:
        """The next beat begins; `waiting`, where all are known, are those that are not yet finished."""
        self._beat += 1
        if waiting is not None:
            self._held = {key: self._held[key] for key in waiting if key in self._held}

    def aside(self, keys: Collection[int]) -> list[int]:
        """All that failed but for these."""
        return sorted(self._held.keys() - set(keys))

    def resting(self) -> list[int]:
        """All that failed and are not due."""
        return sorted(key for key in self._held if not self.due(key))

    def due(self, key: int) -> bool:
        """Whether it is to be tried at this beat."""
        held = self._held.get(key)
        return held is None or held.due <= self._beat

    def failed(self, key: int) -> int:
        """It failed at this beat; returns how often it did."""
        times = self._held[key].times + 1 if key in self._held else 1
        self._held[key] = _Setback(times, self._beat + min(2 ** (times - 1), LONGEST))
        return times

    def finished(self, key: int) -> None:
        """It is done."""
        self._held.pop(key, None)


def place(fault: Exception) -> str:
    """The last place of ours on the way to a fault: file and line, and nothing of what was at hand."""
    frames = traceback.extract_tb(fault.__traceback__)
    ours = [frame for frame in frames if "passerelle" in frame.filename]
    last = (ours or frames)[-1]
    return f"{Path(last.filename).name}:{last.lineno}"
