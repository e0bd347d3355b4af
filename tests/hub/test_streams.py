"""Open streams of notifications: who is handed what at a ring, and when acknowledgements are stored."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TypeVar

import pytest
from hub_kit import HubKit
from patience import PATIENCE, turns, until

from passerelle.identity import Identity
from passerelle_hub import streams
from passerelle_hub.outgoing import PAGE, Bell, Outgoing
from passerelle_hub.store import Database, log_store, notifications
from passerelle_hub.store.notifications import StoredNotification
from passerelle_hub.streams import Stream, Streams

T = TypeVar("T")
SIDES = ("police", "intelligence")
SAME = {"surname+given+birth": "jansen jan 1980-02-03", "national number": "80020312345"}


class Counted(Outgoing):
    """Says how often it was asked what."""

    def __init__(self, hub: HubKit) -> None:
        super().__init__(hub.core.database, hub.core.audit)
        self.pages = 0
        self.rings: list[Mapping[str, int]] = []
        self.writes = 0

    def after(self, peer: Identity, cursor: int) -> tuple[StoredNotification, ...]:
        self.pages += 1
        return super().after(peer, cursor)

    def news(self, cursors: Mapping[str, int]) -> Mapping[str, tuple[StoredNotification, ...]]:
        self.rings.append(cursors)
        return super().news(cursors)

    def acknowledge_all(self, numbers: Mapping[Identity, int]) -> None:
        self.writes += 1
        super().acknowledge_all(numbers)


class Here:
    """Runs steps in this thread; fails the ones it is told to."""

    def __init__(self) -> None:
        self.failures = 0

    async def read(self, step: Callable[[], T]) -> T:
        await asyncio.sleep(0)
        if self.failures:
            self.failures -= 1
            raise OSError("no disk")
        return step()

    async def write(self, step: Callable[[], T]) -> T:
        return await self.read(step)


class Desk:
    """Streams over a hub's core."""

    def __init__(self, hub: HubKit) -> None:
        self.hub, self.outgoing, self.hops, self.bell = hub, Counted(hub), Here(), Bell()
        self.streams = Streams(self.outgoing, self.hops, lambda note: note.sequence, self.bell)

    async def announce(self) -> None:
        self.bell.announce()
        await turns()

    async def ring(self) -> None:
        self.bell.ring()
        await turns()


@pytest.fixture
def desk(hub: HubKit) -> Desk:
    return Desk(hub)


def link(hub: HubKit, number: int) -> None:
    words = {name: f"{word} {number}" for name, word in SAME.items()}
    for name in ("police", "intelligence"):
        hub.submit(hub.agency(name), hub.agency(name).record(words))
    hub.beat()


async def taken(stream: Stream[int]) -> list[int]:
    page = await stream.next()
    stream.sent = max((number for number, _ in page), default=stream.sent)
    return [message for _, message in page]


async def test_one_reading_serves_all_that_wait(hub: HubKit, desk: Desk) -> None:
    joined = [desk.streams.join(hub.agency(name).identity, 0) for name in ("police", "intelligence")]
    waits = [asyncio.create_task(taken(stream)) for stream in joined]
    await turns()
    assert (desk.outgoing.pages, desk.outgoing.rings) == (2, [])
    link(hub, 1)
    await desk.ring()
    assert await asyncio.gather(*waits) == [[1], [1]]
    waits = [asyncio.create_task(taken(stream)) for stream in joined]
    link(hub, 2)
    await asyncio.sleep(0)
    await desk.ring()
    assert await asyncio.gather(*waits) == [[2], [2]]
    assert (desk.outgoing.pages, desk.outgoing.rings[1:]) == (2, [{"police": 1, "intelligence": 1}])


async def test_what_is_announced_is_read_ahead_and_handed_out_at_the_ring(hub: HubKit, desk: Desk) -> None:
    police, intelligence = (desk.streams.join(hub.agency(name).identity, 0) for name in SIDES)
    wait = asyncio.create_task(taken(police))
    await turns()
    link(hub, 1)
    await desk.announce()
    assert desk.outgoing.rings == [{"police": 0}]
    assert not wait.done()
    later = asyncio.create_task(taken(intelligence))  # reads on its own what there is, then waits
    assert await later == [1]
    later = asyncio.create_task(taken(intelligence))
    await turns()
    desk.hops.failures = 1  # of the reading after the handing out
    await desk.ring()
    assert await wait == [1]
    assert not later.done()
    link(hub, 2)
    await desk.ring()
    assert (await taken(police), await later) == ([2], [2])


async def test_a_ring_tells_of_what_came_after_it_was_announced(hub: HubKit, desk: Desk) -> None:
    streams = [desk.streams.join(hub.agency(name).identity, 0) for name in SIDES]
    link(hub, 1)
    assert await taken(streams[0]) == [1]
    waits = [asyncio.create_task(taken(stream)) for stream in streams]
    assert await waits[1] == [1]
    await desk.announce()
    link(hub, 2)
    waits[1] = asyncio.create_task(taken(streams[1]))  # waits since the announcement
    await turns()
    await desk.announce()
    link(hub, 3)
    await desk.ring()
    numbers = await asyncio.gather(*waits)
    for stream, got in zip(streams, numbers, strict=True):
        while got[-1] < 3:
            got.extend(await asyncio.wait_for(taken(stream), PATIENCE))
    assert numbers == [[2, 3], [2, 3]]


async def test_a_stream_behind_what_was_read_ahead_misses_nothing(hub: HubKit, desk: Desk) -> None:
    link(hub, 1)
    police = hub.agency("police").identity
    ahead, behind = desk.streams.join(police, 1), desk.streams.join(police, 0)
    first = asyncio.create_task(taken(ahead))
    await turns()
    link(hub, 2)
    await desk.announce()
    behind.stale = False  # as if it had been at the end when 1 came
    second = asyncio.create_task(taken(behind))
    await asyncio.sleep(0)
    await desk.ring()
    assert (await first, await second) == ([2], [1, 2])


async def test_a_stream_that_is_busy_reads_on_its_own_and_holds_up_nobody(hub: HubKit, desk: Desk) -> None:
    slow, quick = (desk.streams.join(hub.agency(name).identity, 0) for name in ("police", "intelligence"))
    link(hub, 1)
    assert (await taken(slow), await taken(quick)) == ([1], [1])
    wait = asyncio.create_task(taken(quick))
    await turns()
    link(hub, 2)
    await desk.ring()  # the slow one is still sending
    assert await wait == [2]
    assert desk.outgoing.rings == [{"intelligence": 1}]
    assert await taken(slow) == [2]


async def test_a_ring_during_a_delivery_reaches_the_streams_it_served(hub: HubKit, desk: Desk) -> None:
    stream = desk.streams.join(hub.agency("police").identity, 0)
    wait = asyncio.create_task(taken(stream))
    await turns()
    link(hub, 1)
    desk.bell.ring()
    await asyncio.sleep(0)  # the delivery has begun
    link(hub, 2)
    await desk.ring()
    numbers = await wait
    while len(numbers) < 2:
        numbers += await asyncio.wait_for(taken(stream), PATIENCE)
    assert numbers == [1, 2]


async def test_two_streams_of_one_agency_each_have_their_place(hub: HubKit, desk: Desk) -> None:
    link(hub, 1)
    police = hub.agency("police").identity
    behind, ahead = desk.streams.join(police, 0), desk.streams.join(police, 1)
    behind.stale = False  # as if it had been at the end when 1 came
    waits = [asyncio.create_task(taken(stream)) for stream in (behind, ahead)]
    await turns()
    link(hub, 2)
    await desk.ring()
    assert await asyncio.gather(*waits) == [[1, 2], [2]]


async def test_a_reading_that_fails_is_made_up_for_at_the_next_ring(hub: HubKit, desk: Desk) -> None:
    stream = desk.streams.join(hub.agency("police").identity, 0)
    wait = asyncio.create_task(taken(stream))
    await turns()
    link(hub, 1)
    desk.hops.failures = 1
    await desk.ring()
    assert not wait.done()
    await desk.ring()
    assert await wait == [1]


async def test_a_cut_page_is_read_on(hub: HubKit, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("passerelle_hub.outgoing.PAGE", "passerelle_hub.streams.PAGE"):
        monkeypatch.setattr(name, 2)
    stream = desk.streams.join(hub.agency("police").identity, 0)
    wait = asyncio.create_task(taken(stream))
    await turns()
    for number in range(3):
        link(hub, number)
    await desk.ring()
    assert await wait == [1, 2]
    assert await asyncio.wait_for(taken(stream), PATIENCE) == [3]


async def test_a_stream_that_was_ended_gives_nothing_more(hub: HubKit, desk: Desk) -> None:
    stream = desk.streams.join(hub.agency("police").identity, 0)
    wait = asyncio.create_task(taken(stream))
    await turns()
    stream.end()
    assert await wait == []
    link(hub, 1)
    assert await taken(stream) == []
    await desk.streams.leave(stream)
    await desk.ring()
    assert not desk.streams.waiting


async def test_acknowledgements_of_all_are_stored_together_once(
    hub: HubKit, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "ACKNOWLEDGE_SECONDS", 0.01)
    for number in range(2):
        link(hub, number)
    for name, number in (("police", 1), ("intelligence", 1), ("police", 2)):
        desk.streams.acknowledge(hub.agency(name).identity, number)
    assert stored(hub) == {"police": (2, 0), "intelligence": (2, 0)}
    await until(lambda: desk.outgoing.writes)
    assert stored(hub) == {"police": (2, 2), "intelligence": (2, 1)}
    assert desk.outgoing.writes == 1
    assert counted(hub.core.database) == 2


async def test_a_stream_that_leaves_stores_first_and_a_failure_is_tried_again(
    hub: HubKit, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "ACKNOWLEDGE_SECONDS", 0.2)
    link(hub, 1)
    police = hub.agency("police").identity
    stream = desk.streams.join(police, 0)
    desk.streams.acknowledge(police, 1)
    desk.hops.failures = 1
    await desk.streams.leave(stream)
    assert stored(hub)["police"] == (1, 0)
    await until(lambda: stored(hub)["police"] == (1, 1))
    desk.streams.acknowledge(police, 1)
    await desk.streams.leave(desk.streams.join(police, 1))
    assert (stored(hub)["police"], counted(hub.core.database)) == ((1, 1), 1)


def test_a_number_that_was_never_given_is_left_out(hub: HubKit) -> None:
    link(hub, 1)
    hub.core.outgoing.acknowledge_all(
        {hub.agency("police").identity: 2, hub.agency("intelligence").identity: 1}
    )
    assert stored(hub) == {"police": (1, 0), "intelligence": (1, 1)}


def test_news_are_pages_of_each_agency_beyond_its_cursor(hub: HubKit) -> None:
    for number in range(3):
        link(hub, number)
    with hub.core.database.read() as tx:
        pages = notifications.news(tx, {"police": 1, "intelligence": 3, "nobody": 0}, 1)
        assert {agency: [note.sequence for note in page] for agency, page in pages.items()} == {"police": [2]}
        assert notifications.news(tx, {"police": 0}, PAGE) == {
            "police": notifications.after(tx, "police", 0, PAGE)
        }


def stored(hub: HubKit) -> dict[str, tuple[int, int]]:
    with hub.core.database.read() as tx:
        return {agency: place for agency, place in notifications.places(tx).items() if place[0]}


def counted(database: Database) -> int:
    with database.read() as tx:
        return log_store.counts(tx).get("notification.acknowledged", 0)
