"""Between two readings: sleep, or until the source has visibly changed.

A source that is `Watched` is looked at every few seconds. A change counts once two looks in a row find the
same state, so that a file still being written is not read half-way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Hashable

from passerelle_connector.sources import Source, Watched


async def look(source: Source) -> Hashable:
    """What the source shows now; None where it shows nothing."""
    return await asyncio.to_thread(source.state) if isinstance(source, Watched) else None


async def rest(source: Source, before: Hashable, seconds: float, every: float) -> None:
    """Sleep so many seconds, or until the source shows something else than `before`, and shows it twice.

    Args:
        source: looked at only where it is `Watched` and `every` is not 0.
        before: what it showed when the last reading began.
        seconds: the longest sleep.
        every: seconds between two looks.
    """
    if not isinstance(source, Watched) or not every:
        await asyncio.sleep(seconds)
        return
    loop = asyncio.get_running_loop()
    end, last = loop.time() + seconds, before
    while (left := end - loop.time()) > 0:
        await asyncio.sleep(min(every, left))
        now = await asyncio.to_thread(source.state)
        if now == last != before:
            return
        last = now
