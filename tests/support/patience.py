"""Waiting for what is about to happen: by looking, never for a time that a busy machine may exceed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

PATIENCE = 60.0
"""Seconds until a test gives up; no test that passes takes them."""
_LOOK_SECONDS = 0.005


async def until(done: Callable[[], object]) -> None:
    """Let others run until something is so."""
    end = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < end, "it never was so"
        await asyncio.sleep(_LOOK_SECONDS)


def wait_until(done: Callable[[], object]) -> None:
    """The same for threads and processes."""
    end = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < end, "it never was so"
        time.sleep(_LOOK_SECONDS)


async def turns(count: int = 50) -> None:
    """Let run what is ready, and what that makes ready; for what waits for no thread and no clock."""
    for _ in range(count):
        await asyncio.sleep(0)
