"""A call that the peer ends while requests are on their way, over loopback TLS: what it said counts.

The requests are big and wait for room when the call ends. gRPC alone loses the status of most such calls.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import grpc
import pytest
from patience import PATIENCE

from passerelle.errors import PasserelleError
from passerelle.identity import Identity, Role
from passerelle.rpc.sending import streaming

POLICE = Identity("police.example", Role.CONNECTOR, "police")
CALLS = 20


async def many() -> AsyncIterator[bytes]:
    for _ in range(64):
        yield bytes(64 * 1024)


async def early(_requests: AsyncIterator[bytes], _context: Any) -> AsyncIterator[bytes]:
    yield b"enough"


HANDLERS = {"StreamStream": grpc.stream_stream_rpc_method_handler(early)}


def start(channel: Any) -> Any:
    return partial(channel.stream_stream("/test.Echo/StreamStream"), timeout=PATIENCE)


@pytest.mark.integration
async def test_a_refusal_keeps_its_code(world: Any) -> None:
    world.parts.refused[POLICE] = "agency_suspended"
    said: list[str] = []
    async with world.listening(HANDLERS) as listener, world.calling(listener) as channel:
        for _ in range(CALLS):
            with pytest.raises(PasserelleError) as caught:
                async with streaming(start(channel), many()) as answers:
                    assert [answer async for answer in answers] == []
            said.append(caught.value.code)
    assert said == ["agency_suspended"] * CALLS


@pytest.mark.integration
async def test_answers_that_ended_well_are_whole(world: Any) -> None:
    async with world.listening(HANDLERS) as listener, world.calling(listener) as channel:
        for _ in range(CALLS):
            async with streaming(start(channel), many()) as answers:
                assert [answer async for answer in answers] == [b"enough"]
