"""The one translator between coded errors and gRPC statuses, both directions.

Outwards: status and public text from the error table, the code as trailing metadata `passerelle-code`.
Nothing else of an exception ever leaves the process. Inwards: a known code becomes the same coded error
again; anything else becomes `peer_unavailable`, `peer_timeout` or `peer_fault`, and the peer's text goes
nowhere but into the exception chain. Of a connection that failed, the detail names the address and, in words
of our own, why: a connector has five peers, and a refused certificate is no hub that is down.
"""

from __future__ import annotations

import asyncio
import re
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
_ADDRESS: Final = re.compile(r"(?:ipv4:|ipv6:|unix:|errors resolving )([\w.:/%\[\]-]+)")
_REASONS: Final = (
    ("errors resolving", "no such host"),
    ("Connection refused", "nobody listens there"),
    ("Hostname Verification", "it shows another party's certificate"),
    ("CERTIFICATE_VERIFY_FAILED", "its certificate does not verify under the roots that we hold"),
    ("Socket closed", "it ended the connection; it may not take our certificate"),
    ("timed out", "no answer"),
    ("Timeout", "no answer"),
)
"""What gRPC's own text holds, and what it means; the first that fits counts."""


async def abort(context: grpc.aio.ServicerContext[Any, Any], error: PasserelleError) -> NoReturn:
    """End a call with a coded error; raises `grpc.aio.AbortError`, which gRPC expects."""
    await context.abort(error.spec.status, error.spec.public, ((CODE_KEY, error.code),))


def from_rpc(error: grpc.aio.AioRpcError) -> PasserelleError:
    """The coded error that a failed call stands for."""
    return from_status(error.code(), error.trailing_metadata(), error.details() or "")


def from_status(status: grpc.StatusCode, trailing: object, text: str = "") -> PasserelleError:
    """The coded error that a status with its trailing metadata, and gRPC's text, stand for."""
    code = dict(cast("Iterable[tuple[str, str | bytes]]", trailing or ())).get(CODE_KEY)
    if isinstance(code, str) and code in table():
        return PasserelleError(code, "answered by the peer")
    return PasserelleError(_STATUSES.get(status, "peer_fault"), _unreached(text) or f"status {status.name}")


def _unreached(text: str) -> str:
    """Address and reason of a connection that failed; empty where the text names no address."""
    address = _ADDRESS.search(text)
    if address is None:
        return ""
    reason = next((ours for theirs, ours in _REASONS if theirs in text), "no connection")
    return f"{address[1].rstrip(':')}: {reason}"


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
