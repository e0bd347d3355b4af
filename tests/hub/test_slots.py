"""Slots: pushes leave at the end of a slot; what is told of a tick is dated at its beginning."""

from __future__ import annotations

import asyncio

import pytest

from passerelle.clock import ManualClock
from passerelle_hub.outgoing import Bell
from passerelle_hub.slots import TickTime, push_moment
from passerelle_hub.ticking import Wakes


@pytest.mark.parametrize(
    ("now", "moment"),
    [(100.0, 100.5), (100.001, 100.5), (100.499, 100.5), (100.5, 100.5), (100.501, 101.0), (103.2, 103.5)],
)
def test_a_push_leaves_at_the_end_of_the_slot_in_which_the_work_ended(now: float, moment: float) -> None:
    assert push_moment(100.0, now, 1.0) == pytest.approx(moment)


def test_time_stands_still_for_the_length_of_a_tick() -> None:
    clock = ManualClock(start=5)
    time = TickTime(clock)
    with time.tick():
        clock.advance(7)
        assert time.now() == 5
    assert time.now() == 12


def test_time_goes_on_after_a_tick_that_failed() -> None:
    clock = ManualClock(start=5)
    time = TickTime(clock)
    with pytest.raises(RuntimeError), time.tick():
        raise RuntimeError
    clock.advance(1)
    assert time.now() == 6


async def test_a_tick_that_another_process_closed_rings_at_the_end_of_the_slot() -> None:
    rung: list[int] = []
    bell = Bell()
    bell.on_ring(lambda: rung.append(1))
    wakes = Wakes(asyncio.get_running_loop(), bell)
    wakes.ticked(closed=False)
    wakes.woken()
    await asyncio.sleep(0)
    assert rung == []
    wakes.slot_ended()
    wakes.slot_ended()
    assert rung == [1]
