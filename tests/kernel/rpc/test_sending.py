"""Requests end with the reading of answers: when they are over, fail, wait, or are refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
import grpc.aio
import pytest
from patience import PATIENCE, until

from passerelle.errors import PasserelleError
from passerelle.rpc import sending
from passerelle.rpc.sending import streaming, while_read
from passerelle.rpc.status import CODE_KEY

OWN = (grpc.StatusCode.INTERNAL, "")
"""What gRPC says where a request could not be sent any more."""
REFUSED = (grpc.StatusCode.PERMISSION_DENIED, "agency_suspended")
WELL = (grpc.StatusCode.OK, "")
AWAY = (grpc.StatusCode.UNAVAILABLE, "")


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
        await until(lambda: found)
        assert not reading.done()
    await asyncio.wait_for(reading, PATIENCE)
    assert found == [0]


async def test_a_fault_ends_them_and_is_not_lost() -> None:
    with pytest.raises(ValueError, match="no frame"):
        async with while_read(counted(2, fails=True)) as sent:
            assert [number async for number in sent] == [0, 1]


class Call:
    """A call that is given these statuses, and raises the one that it has after `raises` of them."""

    def __init__(self, *statuses: tuple[grpc.StatusCode, str], raises: int) -> None:
        self._statuses, self._raises = statuses, raises
        self._callbacks: list[Callable[[Any], None]] = []
        self._status, self._metadata = grpc.StatusCode.OK, grpc.aio.Metadata()

    def add_done_callback(self, callback: Callable[[Any], None]) -> None:
        self._callbacks.append(callback)

    async def code(self) -> grpc.StatusCode:
        return self._status

    async def details(self) -> str:
        return ""

    async def trailing_metadata(self) -> grpc.aio.Metadata:
        return self._metadata

    def cancel(self) -> None:
        self._given((grpc.StatusCode.CANCELLED, ""))

    def fail(self) -> None:
        for status in self._statuses[: self._raises]:
            self._given(status)
        for status in self._statuses[self._raises :]:
            asyncio.get_running_loop().call_later(0.01, self._given, status)
        raise grpc.aio.AioRpcError(self._status, grpc.aio.Metadata(), self._metadata, "", None)

    def _given(self, status: tuple[grpc.StatusCode, str]) -> None:
        self._status = status[0]
        self._metadata = grpc.aio.Metadata(*([(CODE_KEY, status[1])] if status[1] else []))
        for callback in self._callbacks:
            callback(self)


@pytest.mark.parametrize(
    ("statuses", "raises", "code"),
    [
        ([REFUSED], 1, "agency_suspended"),
        ([REFUSED, OWN], 2, "agency_suspended"),
        ([OWN, REFUSED], 1, "agency_suspended"),
        ([AWAY, OWN], 2, "peer_unavailable"),
        ([WELL, OWN], 2, None),
    ],
)
async def test_what_the_peer_said_counts_whatever_grpc_puts_in_its_place(
    statuses: list[tuple[grpc.StatusCode, str]], raises: int, code: str | None
) -> None:
    said: str | None = None
    try:
        async with streaming(lambda _: Call(*statuses, raises=raises), counted(1)) as call:  # type: ignore[type-var] # what is used
            call.fail()
    except PasserelleError as refusal:
        said = refusal.code
    assert said == code


async def test_a_call_that_fails_by_itself_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "_STATUS_SECONDS", 0.01)
    with pytest.raises(PasserelleError, match="peer_fault"):
        async with streaming(lambda _: Call(OWN, raises=1), counted(1)) as call:  # type: ignore[type-var] # as above
            call.fail()


async def test_a_status_that_has_to_be_waited_for_is_none() -> None:
    with pytest.raises(RuntimeError, match="without its status"):
        sending._at_once(asyncio.sleep(1))
