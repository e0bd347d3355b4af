"""Requests of a stream that end with the reading of its answers, whatever they were waiting for.

gRPC reads an iterator of requests in a task of its own. Where the call fails before the next request comes,
the hub being away for instance, nobody ends that task: it waits until the garbage collector finds it and says
so on standard error.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

RequestT = TypeVar("RequestT")


@asynccontextmanager
async def while_read(requests: AsyncIterator[RequestT]) -> AsyncGenerator[AsyncIterator[RequestT]]:
    """The same requests for gRPC, ended with the block. A fault of theirs is raised at its end."""
    coming: asyncio.Queue[RequestT | None] = asyncio.Queue()

    async def fetch() -> None:
        async for request in requests:
            coming.put_nowait(request)

    async def given() -> AsyncIterator[RequestT]:
        while (request := await coming.get()) is not None:
            yield request

    fetching = asyncio.create_task(fetch())
    fetching.add_done_callback(lambda _: coming.put_nowait(None))
    try:
        yield given()
    finally:
        fetching.cancel()
        await asyncio.wait({fetching})
        if not fetching.cancelled():
            fetching.result()
