"""The open streams of notifications: one reading for all that wait, one writing for all that acknowledge.

(1) A stream joins at a cursor. Until it has caught up it reads page after page on its own.
(2) A stream that has caught up waits. At a ring the news of all that wait are read together, off the event
    loop, made into messages there, and handed out; nothing else runs for them.
(3) A stream that is busy at a ring (its caller is slow to take) is not waited for: it reads on its own again
    once it is through with its page. So a slow caller slows its own stream only.
(4) Acknowledgements are gathered for `ACKNOWLEDGE_SECONDS` and stored in one transaction; a stream that
    ends stores its own first.

Promises: per stream the order of the agency's numbers, each once, whatever rings when. A reading that fails
ends nothing: the next ring reads from the same cursors. What is lost with (4), when the process is killed, is
that something was acknowledged: a connector acknowledges what it has at each opening.

Belongs to one event loop; no locks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, Protocol, TypeVar

from passerelle.identity import Identity
from passerelle.log import get_logger
from passerelle_hub.outgoing import PAGE, Bell, Outgoing
from passerelle_hub.store.notifications import StoredNotification

ACKNOWLEDGE_SECONDS: Final = 0.25
_LOG: Final = get_logger("streams")
T = TypeVar("T")
M = TypeVar("M")


class Hops(Protocol):
    """Where blocking work runs; `passerelle_hub.service.Threads`."""

    def read(self, step: Callable[[], T]) -> Awaitable[T]: ...

    def write(self, step: Callable[[], T]) -> Awaitable[T]: ...


class Stream(Generic[M]):
    """One open stream. `sent` is the last number handed out."""

    __slots__ = ("_desk", "_ended", "news", "peer", "sent", "stale")

    def __init__(self, desk: Streams[M], peer: Identity, cursor: int) -> None:
        self.peer = peer
        self.sent = cursor
        self.stale = True  # there may be more than what was handed out
        self.news: asyncio.Future[Sequence[tuple[int, M]]] | None = None
        self._desk = desk
        self._ended = False

    async def next(self) -> Sequence[tuple[int, M]]:
        """The next page, numbers and messages; waits for news. Empty once the stream was ended."""
        while self.stale and not self._ended:
            self.stale = False  # a ring during the reading sets it again
            page = await self._desk.read(self.peer, self.sent)
            if page:
                self.stale |= len(page) == PAGE
                return page
        if self._ended:
            return ()
        self.news = asyncio.get_running_loop().create_future()
        self._desk.waiting.add(self)
        try:
            return await self.news
        finally:
            self._desk.waiting.discard(self)
            self.news = None

    def end(self) -> None:
        """Give no further page, after the one under way."""
        self._ended = True
        self.hand(())

    def hand(self, page: Sequence[tuple[int, M]], *, more: bool = False) -> None:
        """Give the stream what it waits for."""
        if self.news is not None and not self.news.done():
            self._desk.waiting.discard(self)
            self.stale |= more
            self.news.set_result(page)


class Streams(Generic[M]):
    """All open streams of this process.

    Args:
        outgoing: what is read and written.
        hops: where that happens.
        message: makes the message of a notification; called off the event loop.
        bell: rings at each tick.
    """

    def __init__(
        self, outgoing: Outgoing, hops: Hops, message: Callable[[StoredNotification], M], bell: Bell
    ) -> None:
        self.waiting: set[Stream[M]] = set()
        self._open: set[Stream[M]] = set()
        self._outgoing = outgoing
        self._hops = hops
        self._message = message
        self._rung = False
        self._delivering: asyncio.Task[None] | None = None
        self._acknowledged: dict[Identity, int] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._storing: asyncio.Task[None] | None = None
        bell.on_ring(self.ring)

    def join(self, peer: Identity, cursor: int) -> Stream[M]:
        """(1) A new stream; its caller `leave`s."""
        stream = Stream(self, peer, cursor)
        self._open.add(stream)
        return stream

    async def leave(self, stream: Stream[M]) -> None:
        """Forget a stream, and store what its agency acknowledged."""
        self._open.discard(stream)
        if stream.peer in self._acknowledged:
            await self._store()

    async def read(self, peer: Identity, cursor: int) -> Sequence[tuple[int, M]]:
        """(1) (3) One page of one stream."""
        return await self._hops.read(lambda: self._made(self._outgoing.after(peer, cursor)))

    def ring(self) -> None:
        """(2) A tick is done."""
        self._rung = True
        if self._delivering is None:
            self._delivering = asyncio.create_task(self._deliver())

    def acknowledge(self, peer: Identity, sequence: int) -> None:
        """(4) Note a number that was sent on a stream of this agency."""
        self._acknowledged[peer] = max(sequence, self._acknowledged.get(peer, 0))
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(ACKNOWLEDGE_SECONDS, self._due)

    async def _deliver(self) -> None:
        try:
            while self._rung:
                self._rung = False
                await self._hand_out()
        finally:
            self._delivering = None

    async def _hand_out(self) -> None:
        streams = tuple(self.waiting)
        for stream in self._open.difference(streams):
            stream.stale = True  # (3)
        cursors: dict[str, int] = {}
        for stream in streams:
            cursors[stream.peer.agency] = min(stream.sent, cursors.get(stream.peer.agency, stream.sent))
        try:
            pages = await self._hops.read(lambda: self._news(cursors))
        except Exception as fault:  # noqa: BLE001 - the next ring tries again
            _LOG.error("news.unread", exception_type=type(fault).__name__)
            return
        for stream in streams:
            page = pages.get(stream.peer.agency, ())
            news = [item for item in page if item[0] > stream.sent]
            if news:
                stream.hand(news, more=len(page) == PAGE)

    def _news(self, cursors: dict[str, int]) -> dict[str, Sequence[tuple[int, M]]]:
        if not cursors:
            return {}
        return {agency: self._made(page) for agency, page in self._outgoing.news(cursors).items()}

    def _made(self, page: Sequence[StoredNotification]) -> Sequence[tuple[int, M]]:
        return [(note.sequence, self._message(note)) for note in page]

    def _due(self) -> None:
        self._timer = None
        self._storing = asyncio.create_task(self._store())

    async def _store(self) -> None:
        numbers, self._acknowledged = self._acknowledged, {}
        try:
            await self._hops.write(lambda: self._outgoing.acknowledge_all(numbers))
        except BaseException as fault:
            for peer, sequence in numbers.items():  # kept for the next time
                self.acknowledge(peer, sequence)
            if not isinstance(fault, Exception):
                raise
            _LOG.error("acknowledgements.unstored", exception_type=type(fault).__name__)
