"""The agencies' side of ingest over TLS: a process of its own, as connectors are, on the same machine.

It holds one channel an agency to each server, is given a round of batches before the clock starts, and then
submits them, all agencies side by side, each its next batch when the last one is answered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Final

from bench.companion import Companion
from bench.workload import Prepared
from parties import HUB

from passerelle.rpc.channel import open_channel
from passerelle.rpc.material import MemoryMaterial, TlsBytes

SUBMIT: Final = "/passerelle.wire.v1.Exchange/Submit"
BARE: Final = "/bench.Bare/Submit"


@dataclass(frozen=True, slots=True)
class Way:
    """One agency's channel to one server: where it listens, whom to trust, what to show."""

    port: int
    roots: bytes
    own: TlsBytes


class Agencies(Companion):
    """The process, from here. `ways` are, for each method, the ways of all agencies, by place."""

    def __init__(self, ways: Mapping[str, Sequence[Way]]) -> None:
        super().__init__("spawn", _run, ways)  # a fork would share gRPC's threads

    def give(self, batches: Sequence[Prepared]) -> None:
        """What is submitted next."""
        self._line.send(batches)
        self._line.recv()

    async def submit(self, method: str) -> list[bytes]:
        """Submit what was given; the answers."""
        self._line.send(method)
        return await asyncio.get_running_loop().run_in_executor(None, self._line.recv)


def _run(line: Connection, ways: Mapping[str, Sequence[Way]]) -> None:
    asyncio.run(_serve(line, ways))


async def _serve(line: Connection, ways: Mapping[str, Sequence[Way]]) -> None:
    async with AsyncExitStack() as stack:
        channels = {
            method: [await stack.enter_async_context(_channel(way)) for way in all_of]
            for method, all_of in ways.items()
        }
        batches: Sequence[Prepared] = ()
        while True:
            said = line.recv()
            if not isinstance(said, str):
                batches = said
                line.send(None)
                continue
            mine = [[one for one in batches if one.agency == place] for place in range(len(channels[said]))]
            streams = (_stream(channel, said, own) for channel, own in zip(channels[said], mine, strict=True))
            answers = await asyncio.gather(*streams)
            line.send([answer for some in answers for answer in some])


def _channel(way: Way) -> Any:
    return open_channel(f"127.0.0.1:{way.port}", HUB, way.roots, MemoryMaterial(way.own))


async def _stream(channel: Any, method: str, batches: Sequence[Prepared]) -> list[bytes]:
    """One agency's stream; on either server the first message back is no answer to a batch."""
    call = channel.stream_stream(method)()
    if method == BARE and batches:
        await call.write(bytes([batches[0].agency]))
    await call.read()
    answers: list[bytes] = []
    for batch in batches:
        for frame in batch.frames:
            await call.write(frame)
        answers.append(await call.read())
    await call.done_writing()
    return answers
