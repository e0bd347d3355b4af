"""Calls with a stream of requests: they end with the reading of the answers, and the peer's refusal counts.

1. gRPC reads an iterator of requests in a task of its own. Where the call fails before the next request, the
   hub being away for instance, nobody ends that task: it waits until the garbage collector finds it and says
   so on standard error.
2. A peer may end a call while requests are still on their way. Where sending one fails by that, gRPC puts a
   status of its own in the place of the peer's (https://github.com/grpc/grpc/issues/36066), and a refusal by
   code would show as `peer_fault`. So what ended a call is noted as it comes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar, cast

import grpc
import grpc.aio

from passerelle.errors import PasserelleError
from passerelle.rpc.status import from_rpc, from_status, peer_errors

RequestT = TypeVar("RequestT")
CallT = TypeVar("CallT", bound=grpc.aio.Call)
ResultT = TypeVar("ResultT")
_STATUS_SECONDS: Final = 1.0
"""How long the peer's status may come after gRPC's own."""


@asynccontextmanager
async def streaming(
    start: Callable[[AsyncIterator[RequestT]], CallT], requests: AsyncIterator[RequestT]
) -> AsyncGenerator[CallT]:
    """The call that `start` makes of the requests, to be read in the block and ended with it.

    Raises:
        PasserelleError: as `peer_errors`.
    """
    with peer_errors():
        async with while_read(requests) as sent:
            call = start(sent)
            ending = _Ending(call)
            try:
                yield call
            except grpc.aio.AioRpcError as error:
                if (refusal := await ending.what(error)) is not None:
                    raise refusal from error
            finally:
                call.cancel()


@asynccontextmanager
async def while_read(requests: AsyncIterator[RequestT]) -> AsyncGenerator[AsyncIterator[RequestT]]:
    """The same requests for gRPC, ended with the block (1). A fault of theirs is raised at its end."""
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


class _Ending:
    """The first status of a call that is good or says more than `peer_fault` (2)."""

    def __init__(self, call: grpc.aio.Call) -> None:
        self._said: asyncio.Future[PasserelleError | None] = asyncio.get_running_loop().create_future()
        call.add_done_callback(cast("Callable[[Any], None]", self._note))

    def _note(self, call: grpc.aio.Call) -> None:
        """Called with each status that the call is given."""
        status = _at_once(call.code())
        text = _at_once(call.details()) or ""
        said = from_status(status, _at_once(call.trailing_metadata()), text)
        if not self._said.done() and (status is grpc.StatusCode.OK or said.code != "peer_fault"):
            self._said.set_result(None if status is grpc.StatusCode.OK else said)

    async def what(self, error: grpc.aio.AioRpcError) -> PasserelleError | None:
        """What ended the call that raised `error`; None where the peer ended it well."""
        await asyncio.wait({self._said}, timeout=_STATUS_SECONDS)
        return self._said.result() if self._said.done() else from_rpc(error)


def _at_once(waiting: Coroutine[Any, Any, ResultT]) -> ResultT:
    """What a coroutine says that has nothing to wait for: a call that has its status."""
    try:
        waiting.send(None)
    except StopIteration as said:
        return cast("ResultT", said.value)
    raise RuntimeError("a call without its status")
