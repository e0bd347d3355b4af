"""The open streams of notifications: one reading for all that wait, one writing for all that acknowledge.

(1) A stream joins at a cursor. Until it has caught up it reads page after page on its own.
(2) A stream that has caught up waits. When news are announced (a tick's work is done, its slot is not), those
    of all that wait are read together, off the event loop, and made into messages there.
(3) At the ring that follows, what was read ahead is handed out at once. Then one more reading finds what was
    neither announced nor read: for whoever began to wait since, or where a ring comes unannounced.
(4) A stream that is busy at a ring (its caller is slow to take) is not waited for: it reads on its own again
    once it is through with its page. So a slow caller slows its own stream only.
(5) Acknowledgements are gathered for `ACKNOWLEDGE_SECONDS` and stored in one transaction; a stream that
    ends stores its own first.

Promises: per stream the order of the agency's numbers, each once, whatever rings when. A reading that fails
ends nothing: the next ring reads from the same cursors. What is lost with (5), when the process is killed, is
that something was acknowledged: a connector acknowledges what it has at each opening.

Belongs to one event loop; no locks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
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
        """Give the stream what it waits for; one that does not wait reads it on its own."""
        if self.news is None or self.news.done():
            self.stale = True
            return
        self._desk.waiting.discard(self)
        self.stale |= more
        self.news.set_result(page)


@dataclass(frozen=True, slots=True)
class Reading(Generic[M]):
    """By agency: the cursors that were read from, and the page beyond, where there is one."""

    cursors: Mapping[str, int] = field(default_factory=dict[str, int])
    pages: Mapping[str, Sequence[tuple[int, M]]] = field(default_factory=dict[str, Sequence[tuple[int, M]]])

    def beyond(self, agency: str, number: int) -> Sequence[tuple[int, M]]:
        """An agency's news beyond a number; nothing where the reading began later than that."""
        if self.cursors.get(agency, number) > number:
            return ()
        return [item for item in self.pages.get(agency, ()) if item[0] > number]

    def full(self, agency: str) -> bool:
        """Whether there may be more than the page."""
        return len(self.pages.get(agency, ())) == PAGE


class Streams(Generic[M]):
    """All open streams of this process.

    Args:
        outgoing: what is read and written.
        hops: where that happens.
        message: makes the message of a notification; called off the event loop.
        bell: announces and rings at each tick.
    """

    def __init__(
        self, outgoing: Outgoing, hops: Hops, message: Callable[[StoredNotification], M], bell: Bell
    ) -> None:
        self.waiting: set[Stream[M]] = set()
        self._open: set[Stream[M]] = set()
        self._outgoing = outgoing
        self._hops = hops
        self._message = message
        self._announced = False
        self._rung = False
        self._ahead: Reading[M] = Reading()
        self._delivering: asyncio.Task[None] | None = None
        self._acknowledged: dict[Identity, int] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._storing: asyncio.Task[None] | None = None
        bell.on_news(self.announce)
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
        """(1) (4) One page of one stream."""
        return await self._hops.read(lambda: self._made(self._outgoing.after(peer, cursor)))

    def announce(self) -> None:
        """(2) There are news that the next ring tells of."""
        self._announced = True
        self._deliver_soon()

    def ring(self) -> None:
        """(3) Everybody may know now."""
        self._rung = True
        self._deliver_soon()

    def acknowledge(self, peer: Identity, sequence: int) -> None:
        """(5) Note a number that was sent on a stream of this agency."""
        self._acknowledged[peer] = max(sequence, self._acknowledged.get(peer, 0))
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(ACKNOWLEDGE_SECONDS, self._due)

    def _deliver_soon(self) -> None:
        if self._delivering is None:
            self._delivering = asyncio.create_task(self._deliver())

    async def _deliver(self) -> None:
        try:
            while self._announced or self._rung:
                if self._announced:
                    self._announced = False
                    self._ahead = await self._read_for((stream, stream.sent) for stream in self.waiting)
                if self._rung:
                    self._rung = False
                    await self._hand_out()
        finally:
            self._delivering = None

    async def _hand_out(self) -> None:
        """Steps 3 and 4."""
        streams = tuple(self.waiting)
        for stream in self._open.difference(streams):
            stream.stale = True  # (4)
        ahead, self._ahead = self._ahead, Reading()
        reached: dict[Stream[M], int] = {}
        for stream in streams:
            news = ahead.beyond(stream.peer.agency, stream.sent)
            reached[stream] = news[-1][0] if news else stream.sent
            if news:
                stream.hand(news)
        late = await self._read_for(reached.items())
        for stream, number in reached.items():
            agency = stream.peer.agency
            if news := late.beyond(agency, max(number, stream.sent)):
                stream.hand(news, more=late.full(agency))

    async def _read_for(self, places: Iterable[tuple[Stream[M], int]]) -> Reading[M]:
        """What is beyond the place of each stream, read together; nothing where that fails."""
        cursors: dict[str, int] = {}
        for stream, number in places:
            cursors[stream.peer.agency] = min(number, cursors.get(stream.peer.agency, number))
        if not cursors:
            return Reading()
        try:
            return await self._hops.read(lambda: self._reading(cursors))
        except Exception as fault:  # noqa: BLE001 - the next ring tries again
            _LOG.error("news.unread", exception_type=type(fault).__name__)
            return Reading()

    def _reading(self, cursors: Mapping[str, int]) -> Reading[M]:
        news = self._outgoing.news(cursors)
        return Reading(cursors, {agency: self._made(page) for agency, page in news.items()})

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
