"""The hub's gRPC servicers: decode, call one step, encode. Nothing is decided here.

Blocking steps run on executors: writes on a single thread (one writer at a time, in the order they arrive),
or on a few where the database takes writers side by side; reads on a small pool; the event loop only moves
messages. A process that has as many batches as it can hold refuses the next one with `hub_busy`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

import grpc.aio

from passerelle.catalogue import Catalogue
from passerelle.clock import Clock
from passerelle.codec.frames import Assembler
from passerelle.codec.holdings import question_in
from passerelle.codec.signed import signed_out
from passerelle.errors import PasserelleError
from passerelle.identity import Identity
from passerelle.record import MAX_BATCH_BYTES, MAX_BATCH_RECORDS
from passerelle.rpc.interceptor import peer
from passerelle.wire.v1 import (
    directory_pb2,
    directory_pb2_grpc,
    exchange_pb2,
    exchange_pb2_grpc,
)
from passerelle_hub import calls
from passerelle_hub.access import Access
from passerelle_hub.domains import Domains
from passerelle_hub.holdings import Holdings
from passerelle_hub.intake import Intake
from passerelle_hub.outgoing import Bell, Outgoing
from passerelle_hub.registry import Registry
from passerelle_hub.store.notifications import StoredNotification
from passerelle_hub.streams import Stream, Streams

Context = grpc.aio.ServicerContext[Any, Any]
P = ParamSpec("P")
T = TypeVar("T")
BATCHES_AT_ONCE = 32
"""Batches that wait for transaction A or are in it, in one process.

With how many streams an agency may have (`calls`), each with a batch that is not whole, what bounds memory.
"""


class Threads:
    """Where blocking work runs: one writer or some, a few readers.

    With one writer the tick runs on it; with several it has a thread of its own, so as not to stand in line.
    """

    def __init__(self, readers: int = 2, writers: int = 1, room: int = BATCHES_AT_ONCE) -> None:
        self._room = room
        self._writer = ThreadPoolExecutor(writers, "hub-write")
        self._ticker = ThreadPoolExecutor(1, "hub-tick") if writers > 1 else self._writer
        self._readers = ThreadPoolExecutor(readers, "hub-read")

    async def write(self, step: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a step on a write thread."""
        return await asyncio.get_running_loop().run_in_executor(self._writer, lambda: step(*args, **kwargs))

    async def take(self, step: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """As `write` for what is large, as long as there is room.

        Raises:
            PasserelleError: `hub_busy`; the caller comes again.
        """
        if not self._room:
            raise PasserelleError("hub_busy", "batches wait")
        self._room -= 1
        try:
            return await self.write(step, *args, **kwargs)
        finally:
            self._room += 1

    async def beat(self, step: Callable[[], T]) -> T:
        """Run a tick."""
        return await asyncio.get_running_loop().run_in_executor(self._ticker, step)

    def submit(self, step: Callable[[], object]) -> Future[object]:
        """Queue a step on a write thread from any thread."""
        return self._writer.submit(step)

    async def read(self, step: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a step on a read thread."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, lambda: step(*args, **kwargs))

    def close(self) -> None:
        """Finish what is running."""
        self._ticker.shutdown()
        self._writer.shutdown()
        self._readers.shutdown()


class Exchange(exchange_pb2_grpc.ExchangeServicer):
    """Batches in, notifications out, and what is held compared."""

    def __init__(
        self,
        *,
        intake: Intake,
        outgoing: Outgoing,
        holdings: Holdings,
        access: Access,
        bell: Bell,
        threads: Threads,
    ) -> None:
        self._intake = intake
        self._outgoing = outgoing
        self._holdings = holdings
        self._access = access
        self._threads = threads
        self._streams = Streams(outgoing, threads, _message, bell)

    async def Submit(  # noqa: N802 - name of the call
        self, request_iterator: AsyncIterator[exchange_pb2.SubmitRequest], context: Context
    ) -> AsyncIterator[exchange_pb2.SubmitResponse]:
        """One receipt per batch, after the agency's position."""
        caller = peer(context)
        place = await self._threads.read(self._intake.position, caller)
        position = exchange_pb2.Position(next_sequence=place.next_sequence, previous=place.previous)
        yield exchange_pb2.SubmitResponse(position=position)
        assembler = Assembler(MAX_BATCH_BYTES)
        async for frame in request_iterator:
            try:
                batch = assembler.feed(frame)
            except PasserelleError as error:
                refused = self._intake.refuse_unassembled
                receipt = await self._threads.write(refused, assembler.refused, caller, error)
                yield exchange_pb2.SubmitResponse(receipt=signed_out(receipt))
                continue
            if batch is not None:
                receipt = await self._threads.take(self._intake.receive, batch, caller)
                yield exchange_pb2.SubmitResponse(receipt=signed_out(receipt))

    async def Notifications(  # noqa: N802 - name of the call
        self, request_iterator: AsyncIterator[exchange_pb2.NotificationsRequest], context: Context
    ) -> AsyncIterator[exchange_pb2.NotificationsResponse]:
        """Everything beyond the cursor, then whatever each tick brings."""
        caller = peer(context)
        await self._threads.write(self._access.require, caller, calls.NOTIFICATIONS)
        first = await anext(request_iterator, None)
        if first is None or first.WhichOneof("request") != "from_cursor":
            raise PasserelleError("message_malformed", "no cursor")
        await self._threads.write(self._outgoing.open, caller, first.from_cursor)
        stream = self._streams.join(caller, first.from_cursor)
        acknowledging = asyncio.create_task(self._acknowledge(request_iterator, stream))
        acknowledging.add_done_callback(lambda _: stream.end())
        try:
            while page := await stream.next():
                for number, message in page:
                    stream.sent = number  # before the yield: its acknowledgement may overtake us
                    yield message
            acknowledging.result()
        finally:
            acknowledging.cancel()
            await asyncio.wait({acknowledging})
            if not acknowledging.cancelled():
                acknowledging.exception()  # raised above, or of no interest to a caller that has gone
            await self._streams.leave(stream)

    async def Reconcile(  # noqa: N802 - name of the call
        self, request: exchange_pb2.ReconcileRequest, context: Context
    ) -> exchange_pb2.ReconcileResponse:
        """What the hub holds of the caller."""
        caller = peer(context)
        await self._threads.write(self._access.require, caller, calls.RECONCILE)
        answer = await self._threads.read(self._holdings.answer, caller, question_in(request))
        if answer.differing or answer.awaited:
            await self._threads.write(self._holdings.note, caller, answer)
        return exchange_pb2.ReconcileResponse(answer=signed_out(answer.signed))

    async def _acknowledge(
        self,
        requests: AsyncIterator[exchange_pb2.NotificationsRequest],
        stream: Stream[exchange_pb2.NotificationsResponse],
    ) -> None:
        acknowledged = 0
        async for request in requests:
            if request.WhichOneof("request") != "acknowledge":
                raise PasserelleError("message_malformed", "a second cursor")
            if request.acknowledge > stream.sent:
                raise PasserelleError("cursor_invalid", f"{request.acknowledge} was not sent")
            if request.acknowledge > acknowledged:
                acknowledged = request.acknowledge
                self._streams.acknowledge(stream.peer, acknowledged)


def _message(note: StoredNotification) -> exchange_pb2.NotificationsResponse:
    return exchange_pb2.NotificationsResponse(sequence=note.sequence, sealed=note.sealed, key_id=note.key_id)


@dataclass(frozen=True, slots=True)
class Announcement:
    """What the hub says of itself: identity and the protocol it speaks."""

    hub: Identity
    domains: Domains
    tiers: Callable[[], dict[str, tuple[str, ...]]]
    catalogue: Catalogue
    clock: Clock


class Directory(directory_pb2_grpc.DirectoryServicer):
    """Who takes part, and under which keys."""

    def __init__(
        self, *, announcement: Announcement, registry: Registry, access: Access, threads: Threads
    ) -> None:
        self._announcement = announcement
        self._registry = registry
        self._access = access
        self._threads = threads

    async def Describe(  # noqa: N802 - name of the call
        self, request: directory_pb2.DescribeRequest, context: Context
    ) -> directory_pb2.DescribeResponse:
        """The hub itself."""
        await self._threads.write(self._access.require, peer(context), calls.DESCRIBE)
        said = self._announcement
        entry = self._registry.signed_entry(said.hub.agency)
        tiers = said.tiers()
        return directory_pb2.DescribeResponse(
            hub=str(said.hub),
            entry=signed_out(entry) if entry else None,
            domains=[
                directory_pb2.AcceptedDomain(
                    name=name,
                    epochs=epochs,
                    tiers=tiers.get(name, ()),
                    announced=said.domains.announced.get(name, ()),
                )
                for name, epochs in sorted(said.domains.epochs.items())
            ],
            normaliser=said.domains.normaliser,
            catalogue=said.catalogue.version,
            max_batch_records=MAX_BATCH_RECORDS,
            max_batch_bytes=MAX_BATCH_BYTES,
            time=said.clock.now(),
        )

    async def Agencies(  # noqa: N802 - name of the call
        self, request: directory_pb2.AgenciesRequest, context: Context
    ) -> directory_pb2.AgenciesResponse:
        """All signed entries."""
        await self._threads.write(self._access.require, peer(context), calls.AGENCIES)
        entries = [signed_out(signed) for signed in self._registry.signed_entries()]
        return directory_pb2.AgenciesResponse(entries=entries)


def add_servicers(server: grpc.aio.Server, exchange: Exchange, directory: Directory) -> None:
    """Register the servicers of this module."""
    exchange_pb2_grpc.add_ExchangeServicer_to_server(exchange, server)
    directory_pb2_grpc.add_DirectoryServicer_to_server(directory, server)
