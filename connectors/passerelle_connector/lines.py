"""Open channels and the ports that speak over them, so that a renewed leaf is used without a restart.

A channel keeps the leaf it was opened with (`passerelle.rpc.channel`, rule 4). `reopen` opens a new one for
every port, moves the port over, and closes the old ones: calls that run on them get `GRACE` seconds and then
fail as `peer_unavailable`; whoever made them starts again from what is stored.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

import grpc.aio

GRACE: Final = 10.0

Dial = Callable[[], grpc.aio.Channel]


class OverChannel(Protocol):
    """A port that can change its channel."""

    def use(self, channel: grpc.aio.Channel) -> None:
        """Make every further call over this channel."""
        ...


PortT = TypeVar("PortT", bound=OverChannel)


@dataclass(slots=True)
class _Line:
    dial: Dial
    port: OverChannel
    channel: grpc.aio.Channel


class Lines:
    """The channels of one connector. On the event loop's thread alone."""

    def __init__(self) -> None:
        self._lines: list[_Line] = []

    def connect(self, dial: Dial, make: Callable[[grpc.aio.Channel], PortT]) -> PortT:
        """A port over a fresh channel.

        Raises:
            PasserelleError: `tls_material_invalid`, what reading a key file raises.
        """
        channel = dial()
        port = make(channel)
        self._lines.append(_Line(dial, port, channel))
        return port

    async def reopen(self) -> None:
        """Move every port to a channel with the present leaf; all or none.

        Raises:
            PasserelleError: `tls_material_invalid`, what reading a key file raises.
        """
        fresh = [line.dial() for line in self._lines]
        old = [line.channel for line in self._lines]
        for line, channel in zip(self._lines, fresh, strict=True):
            line.channel = channel
            line.port.use(channel)
        await asyncio.gather(*(channel.close(GRACE) for channel in old))

    async def close(self) -> None:
        """Close all."""
        await asyncio.gather(*(line.channel.close(None) for line in self._lines))
