"""Requests end with the reading of answers: when they are over, when they fail, and while they wait."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from passerelle.rpc.sending import while_read


async def counted(last: int, *, fails: bool = False, waits: bool = False) -> AsyncIterator[int]:
    for number in range(last):
        yield number
    if fails:
        raise ValueError("no frame")
    if waits:
        await asyncio.sleep(60)


async def test_they_come_in_order_and_end() -> None:
    async with while_read(counted(3)) as sent:
        assert [number async for number in sent] == [0, 1, 2]


async def test_the_end_of_the_block_ends_whoever_waits_for_the_next() -> None:
    found: list[int] = []

    async def read(sent: AsyncIterator[int]) -> None:
        async for number in sent:
            found.append(number)

    async with while_read(counted(1, waits=True)) as sent:
        reading = asyncio.create_task(read(sent))
        await asyncio.sleep(0.01)
        assert (found, reading.done()) == ([0], False)
    await asyncio.wait_for(reading, 5)
    assert found == [0]


async def test_a_fault_ends_them_and_is_not_lost() -> None:
    with pytest.raises(ValueError, match="no frame"):
        async with while_read(counted(2, fails=True)) as sent:
            assert [number async for number in sent] == [0, 1]
