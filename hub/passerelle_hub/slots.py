"""Slots: the moments at which others see that the hub has worked, whatever the work was.

A tick with an embargoed match takes longer than one without. Two things would tell so to anybody who looks
closely: the moment of the push that follows, and the time a notification says it was written at.

(1) Pushes leave at the end of a slot, half a tick wide and counted from the moment the tick was due. A tick
    that ends within its first slot, as every ordinary one does, pushes at the same moment as an empty one.
(2) What is told of a tick is dated at its beginning.

What remains: a tick that outlasts a slot pushes one slot later, whatever it was busy with.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from math import ceil
from typing import Final

from passerelle.clock import Clock

SLOTS_PER_TICK: Final = 2


def push_moment(due: float, now: float, tick_seconds: float) -> float:
    """(1) The end of the slot that `now` lies in, in seconds of the same clock as `due`.

    Args:
        due: when the tick was to begin; a tick never begins before it is due.
        now: when its work ended.
        tick_seconds: the interval of the tick.
    """
    width = tick_seconds / SLOTS_PER_TICK
    return due + width * max(1, ceil((now - due) / width))


class TickTime:
    """(2) A clock that stands still for the length of a tick.

    The thread that ticks stops it; any thread reads it, those beside the tick too, whose work is told of with
    the tick's.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._begun: int | None = None

    def now(self) -> int:
        """When the running tick began; between ticks, the time."""
        begun = self._begun  # once: the tick may end at any moment
        return self._clock.now() if begun is None else begun

    @contextmanager
    def tick(self) -> Generator[None]:
        """Stand still."""
        self._begun = self._clock.now()
        try:
            yield
        finally:
            self._begun = None
