"""The one translator between coded errors and gRPC statuses, both directions.

Outwards: status and public text from the error table, the code as trailing metadata `passerelle-code`.
Nothing else of an exception ever leaves the process. Inwards: a known code becomes the same coded error
again; anything else becomes `peer_unavailable`, `peer_timeout` or `peer_fault`, and the peer's text goes
nowhere but into the exception chain.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import Any, Final, NoReturn, cast

import grpc
import grpc.aio

from passerelle.errors import PasserelleError, table

CODE_KEY: Final = "passerelle-code"
_STATUSES: Final = {
    grpc.StatusCode.UNAVAILABLE: "peer_unavailable",
    grpc.StatusCode.CANCELLED: "peer_unavailable",
    grpc.StatusCode.DEADLINE_EXCEEDED: "peer_timeout",
    grpc.StatusCode.RESOURCE_EXHAUSTED: "message_too_large",
}


async def abort(context: grpc.aio.ServicerContext[Any, Any], error: PasserelleError) -> NoReturn:
    """End a call with a coded error; raises `grpc.aio.AbortError`, which gRPC expects."""
    await context.abort(error.spec.status, error.spec.public, ((CODE_KEY, error.code),))


def from_rpc(error: grpc.aio.AioRpcError) -> PasserelleError:
    """The coded error that a failed call stands for."""
    return from_status(error.code(), error.trailing_metadata())


def from_status(status: grpc.StatusCode, trailing: object) -> PasserelleError:
    """The coded error that a status with its trailing metadata stands for."""
    code = dict(cast("Iterable[tuple[str, str | bytes]]", trailing or ())).get(CODE_KEY)
    if isinstance(code, str) and code in table():
        return PasserelleError(code, "answered by the peer")
    return PasserelleError(_STATUSES.get(status, "peer_fault"), f"status {status.name}")


@contextmanager
def peer_errors() -> Generator[None]:
    """Around a call to a peer: its failures are raised as coded errors.

    gRPC cancels the calls of a channel that is closed under them, for instance after a renewal. That is no
    cancellation of the task that calls, and shows as `peer_unavailable`.

    Raises:
        PasserelleError: the peer's own code, or `peer_unavailable`, `peer_timeout`, `message_too_large`,
            `peer_fault`.
    """
    try:
        yield
    except grpc.aio.AioRpcError as error:
        raise from_rpc(error) from error
    except asyncio.CancelledError as cancelled:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise PasserelleError("peer_unavailable", "the channel was closed") from cancelled
