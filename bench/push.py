"""From the end of a slot to the notification at 100 connectors, against a bare push over the same TLS.

Hub and watchers share this process and its event loop, so both pushes carry the same costs of receiving. One
half of the agencies submits at the start what the other half will match, one person a round. A round is:

(1) each agency of the other half submits one record;
(2) ticks until all is settled: link, write 100 notifications, close the log; the news are announced, and the
    rest of the slot goes by, as `passerelle_hub.ticking.tick` lets it;
(3) the bell: every stream pushes what was read ahead; the connectors' ports receive and acknowledge, as
    connectors do;
(4) once the acknowledgements are stored a bare grpc.aio server pushes messages of the same size to 100
    watchers, woken by the same kind of bell.

Latency counts from the bell to each arrival, because a bare push has no counterpart of the tick's work; how
long that work takes is a figure of its own. The two sides take turns, 100 deliveries each. Deliveries of one
round share its luck, so that a p99 is that of its slowest rounds: `push_rounds` are many, and the median
round's slowest delivery, which one bad round moves by nothing, stands beside it.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
from bench.figures import SEED, Figure, Sizes, at_most, percentile
from bench.hub import BenchHub, bench_hub, leaf
from hub_kit import FakeAgency
from parties import HUB

from passerelle.certificate import Usage
from passerelle.rpc.channel import open_channel
from passerelle.rpc.material import MemoryMaterial
from passerelle_connector.inbox import ACKNOWLEDGE_SECONDS, newest
from passerelle_connector.service import GrpcHub
from passerelle_hub.compose_server import Server, build_server
from passerelle_hub.outgoing import Bell

WATCHERS = 100
_KINDS: tuple[str, ...] = ("surname+given+birth", "national number", "number+birth", "phone")
_PATIENCE = 30.0
_GRPC: Any = grpc  # the stubs of generic handlers and of `aio.server` are half typed
_AIO: Any = grpc.aio
_PAUSE = 0.7
"""Seconds after a push: longer than both sides wait to send and to store acknowledgements."""
_SLOT = 0.5
"""Seconds from the end of the work to the bell; half a tick, as in a hub that has little to do."""


@dataclass(slots=True)
class Arrivals:
    """When the messages of one round arrived, and how long one was."""

    times: list[float] = field(default_factory=list[float])
    length: int = 0
    _came: asyncio.Event = field(default_factory=asyncio.Event)

    def note(self, message: bytes) -> None:
        """One message came."""
        self.times.append(time.perf_counter())
        self.length = len(message)
        self._came.set()

    async def wait(self, count: int) -> None:
        """Until that many messages of this round came.

        Raises:
            TimeoutError: a watcher was lost.
        """
        async with asyncio.timeout(_PATIENCE):
            while len(self.times) < count:
                self._came.clear()
                await self._came.wait()

    async def latencies(self, began: float) -> list[float]:
        """Milliseconds of a whole round; begins the next."""
        await self.wait(WATCHERS)
        took = [1_000 * (at - began) for at in self.times]
        self.times.clear()
        return took


@dataclass(slots=True)
class Measured:
    """Milliseconds over all rounds."""

    hub: list[float] = field(default_factory=list[float])
    bare: list[float] = field(default_factory=list[float])
    hub_slowest: list[float] = field(default_factory=list[float])
    bare_slowest: list[float] = field(default_factory=list[float])
    beats: list[float] = field(default_factory=list[float])


class BarePush:
    """A server that pushes one message to every watcher at each ring, and nothing else."""

    method = "/bench.Push/Watch"

    def __init__(self, material: MemoryMaterial, roots: bytes) -> None:
        self.bell = Bell()
        self.message = b""
        pair = material.read()
        credentials = grpc.ssl_server_credentials([(pair.key, pair.chain)], roots, True)
        self._server: Any = _AIO.server()
        handler = _GRPC.unary_stream_rpc_method_handler(self._watch)
        generic = _GRPC.method_handlers_generic_handler("bench.Push", {"Watch": handler})
        self._server.add_generic_rpc_handlers((generic,))
        self.port: int = self._server.add_secure_port("127.0.0.1:0", credentials)

    async def start(self) -> None:
        """Accept watchers."""
        await self._server.start()

    async def stop(self) -> None:
        """End all streams."""
        await self._server.stop(0)

    async def _watch(self, _request: bytes, _context: object) -> AsyncIterator[bytes]:
        yield b""  # tells the watcher that it is connected
        while True:
            await self.bell.wait()
            yield self.message


def run(sizes: Sizes, folder: Path) -> tuple[Figure, ...]:
    """Measure."""
    names = [f"agency-{number:03}" for number in range(WATCHERS)]
    with bench_hub(folder / "push", names) as hub:
        took = asyncio.run(_measure(hub, sizes.push_rounds))
    hub50, hub99 = percentile(took.hub, 0.5), percentile(took.hub, 0.99)
    bare50, bare99 = percentile(took.bare, 0.5), percentile(took.bare, 0.99)
    slowest = percentile(took.hub_slowest, 0.5) / percentile(took.bare_slowest, 0.5)
    return (
        at_most("push to 100 connectors, p99 to that of a bare push", hub99 / bare99, "ratio", 2),
        Figure("push to 100 connectors, slowest of the median round to a bare push's", slowest, "ratio"),
        Figure("push to 100 connectors, p50 to that of a bare push", hub50 / bare50, "ratio"),
        Figure("push to 100 connectors, p50", hub50, "ms"),
        Figure("push to 100 connectors, p99", hub99, "ms"),
        Figure("bare push to 100 watchers, p50", bare50, "ms"),
        Figure("bare push to 100 watchers, p99", bare99, "ms"),
        Figure("push, deliveries on each side, in turns", len(took.hub), "deliveries"),
        Figure("ticks with 50 links and 100 notifications, p50", percentile(took.beats, 0.5), "ms"),
    )


async def _measure(hub: BenchHub, rounds: int) -> Measured:
    material = leaf(hub.authorities[HUB.trust_domain], HUB, Usage.SERVER)
    server = build_server(hub.core, "127.0.0.1:0", material)
    bare = BarePush(material, hub.core.registry.federation.bundle())
    pushed, bare_pushed, took = Arrivals(), Arrivals(), Measured()
    await server.listener.start()
    await bare.start()
    async with AsyncExitStack() as stack:
        tasks = await _connect(hub, server, bare, (pushed, bare_pushed), stack)
        await server.threads.write(_submit_half, hub, rounds)
        for number in range(1, rounds + 1):
            await _round(hub, server, pushed, number, took)
            await asyncio.sleep(_PAUSE)
            arrived = await _bare_round(bare, bare_pushed, pushed.length)
            took.bare += arrived
            took.bare_slowest.append(max(arrived))
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    await bare.stop()
    await server.listener.stop(0)
    server.threads.close()
    return took


async def _connect(
    hub: BenchHub, server: Server, bare: BarePush, arrivals: tuple[Arrivals, Arrivals], stack: AsyncExitStack
) -> list[asyncio.Task[None]]:
    """Open all streams one after the other; a first message on each shows that it stands."""
    await server.threads.write(_submit_half, hub, 0)
    await server.threads.write(_submit, hub, 0)
    await server.threads.write(_settle, hub)
    roots = hub.authorities[HUB.trust_domain].roots
    tasks: list[asyncio.Task[None]] = []
    for count, agency in enumerate(hub.agencies.values(), start=1):
        own = leaf(hub.authorities[agency.identity.trust_domain], agency.identity, Usage.CLIENT)
        for port, watch, came in zip(
            (server.listener.port, bare.port), (_watch_hub, _watch_bare), arrivals, strict=True
        ):
            channel = open_channel(f"127.0.0.1:{port}", HUB, roots, own)
            await stack.enter_async_context(channel)
            tasks.append(asyncio.create_task(watch(channel, came)))
            await came.wait(count)
    for came in arrivals:
        came.times.clear()
    return tasks


async def _round(hub: BenchHub, server: Server, arrivals: Arrivals, number: int, took: Measured) -> None:
    await server.threads.write(_submit, hub, number)  # (1)
    began = time.perf_counter()
    await server.threads.write(_settle, hub)  # (2)
    took.beats.append(1_000 * (time.perf_counter() - began))
    server.bell.announce()
    await asyncio.sleep(_SLOT)
    rung = time.perf_counter()
    server.bell.ring()  # (3)
    arrived = await arrivals.latencies(rung)
    took.hub += arrived
    took.hub_slowest.append(max(arrived))


async def _bare_round(bare: BarePush, arrivals: Arrivals, length: int) -> list[float]:
    """(4) One bare push."""
    bare.message = random.Random(SEED).randbytes(length)
    began = time.perf_counter()
    bare.bell.ring()
    return await arrivals.latencies(began)


def _submit_half(hub: BenchHub, rounds: int) -> None:
    """What every second agency knows: the person of each round up to the last, or of the first connection."""
    for at, agency in enumerate(hub.agencies.values()):
        if at % 2:
            numbers = range(1, rounds + 1) if rounds else (0,)
            _send(hub, agency, [_person(number, at) for number in numbers])


def _submit(hub: BenchHub, number: int) -> None:
    """(1) What the others come to know in a round."""
    for at, agency in enumerate(hub.agencies.values()):
        if not at % 2:
            _send(hub, agency, [_person(number, at)])


def _person(number: int, at: int) -> str:
    """One that an agency and its neighbour know."""
    return f"person {number}/{at // 2}"


def _send(hub: BenchHub, agency: FakeAgency, people: Sequence[str]) -> None:
    batch = agency.batch(*(agency.record(dict.fromkeys(_KINDS, person)) for person in people))
    hub.core.intake.receive(batch, agency.identity)
    agency.took(batch)


def _settle(hub: BenchHub) -> None:
    """Tick until nothing is left; one tick settles so many batches at most."""
    while hub.core.pulse.beat().settled:
        pass


async def _watch_hub(channel: grpc.aio.Channel, arrivals: Arrivals) -> None:
    numbers: asyncio.Queue[int] = asyncio.Queue()

    acknowledgements = newest(numbers, ACKNOWLEDGE_SECONDS)
    async for note in GrpcHub(channel).notifications(0, acknowledgements):
        arrivals.note(note.sealed)
        numbers.put_nowait(note.sequence)


async def _watch_bare(channel: Any, arrivals: Arrivals) -> None:
    call: AsyncIterator[bytes] = channel.unary_stream(BarePush.method)(b"")
    async for message in call:
        arrivals.note(message)
