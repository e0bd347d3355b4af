"""Hub ingest on PostgreSQL, from the agencies' streams to the last notification, against a bare server.

Both run on one PostgreSQL server, each with a database of its own, behind the same mutual TLS on grpc.aio:
the bare pipeline in this process, the hub as `hub run --processes 2` would run it, in this one and one more;
each with two threads that write. Half of the agencies are connected to each process, as a shared port would
have it only on average. Four agencies, in a process of their own, submit side by side, each its next batch of
1,000 records when the last one is answered. Rounds alternate: the bare pipeline takes a round of batches,
then the hub takes the same ones. A round ends for the bare pipeline with the last answer, for the hub when
all batches are settled, all notifications written and the tick closed; the hub ticks once a second as it does
in service. A round is some ticks long: in service batches keep coming while others are settled, and what is
left at its end, a second's worth that nothing comes beside, must not be most of it. The first round warms up
and does not count. All rounds are made before the first, so that the hub stands idle no longer than the bare
pipeline works: what policy allowed is remembered for 30 s only. The agencies' side and the server cost time
on the same processors and count, for both.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import postgres_kit
from bench.agencies import BARE, SUBMIT, Agencies, Way
from bench.bare import BarePipeline, PostgresTables
from bench.beside import Beside, Ticking, beat
from bench.figures import Figure, Sizes, at_least, cpu_of
from bench.hub import BenchHub, Grounds, first, lay, leaf
from bench.workload import Workload
from parties import HUB

from passerelle.certificate import Usage
from passerelle.codec.frames import Assembler
from passerelle.codec.signed import signed_in
from passerelle.codec.statement import decode_receipt
from passerelle.record import RECEIPT_TYPE, Batch
from passerelle.rpc.material import MemoryMaterial
from passerelle.sign import verify
from passerelle.wire.v1 import exchange_pb2
from passerelle_hub.compose_server import Server, build_server
from passerelle_hub.store import links, notifications

AGENCIES = ("customs", "defence", "interior", "police")
BATCH = 1_000
WRITERS = 2
SERVER_SETTINGS = ("shared_buffers=512MB", "max_wal_size=4GB", "checkpoint_timeout=15min")
_GRPC: Any = grpc  # the stubs of generic handlers and of `aio.server` are half typed
_AIO: Any = grpc.aio


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds by the clock, and of CPU: in this process and the policy engine's, and in PostgreSQL's."""

    clock: float = 0.0
    own: float = 0.0
    server: float = 0.0

    @property
    def cpu(self) -> float:
        """CPU time of both."""
        return self.own + self.server

    def __add__(self, other: Spent) -> Spent:
        return Spent(self.clock + other.clock, self.own + other.own, self.server + other.server)

    def __sub__(self, other: Spent) -> Spent:
        return Spent(self.clock - other.clock, self.own - other.own, self.server - other.server)


@dataclass(frozen=True, slots=True)
class Sides:
    """What the bare pipeline and the hub spent on the rounds counted."""

    bare: Spent
    hub: Spent


@dataclass(frozen=True, slots=True)
class Hub:
    """Both processes of the hub."""

    first: BenchHub
    beside: Beside

    def cpu_seconds(self) -> float:
        """CPU time of both and of their policy engines'."""
        return self.first.cpu_seconds() + self.beside.cpu_seconds()


class BareServer:
    """The bare pipeline behind a stream of raw frames."""

    def __init__(self, pipeline: BarePipeline, material: MemoryMaterial, roots: bytes) -> None:
        self._pipeline = pipeline
        self._threads = ThreadPoolExecutor(WRITERS, "bare")
        pair = material.read()
        credentials = grpc.ssl_server_credentials([(pair.key, pair.chain)], roots, True)
        self._server: Any = _AIO.server()
        handler = _GRPC.stream_stream_rpc_method_handler(self._submit)
        generic = _GRPC.method_handlers_generic_handler("bench.Bare", {"Submit": handler})
        self._server.add_generic_rpc_handlers((generic,))
        self.port: int = self._server.add_secure_port("127.0.0.1:0", credentials)

    async def start(self) -> None:
        """Accept streams."""
        await self._server.start()

    async def stop(self) -> None:
        """End all streams."""
        await self._server.stop(0)
        self._threads.shutdown()
        self._pipeline.close()

    async def _submit(self, frames: AsyncIterator[bytes], _context: object) -> AsyncIterator[bytes]:
        assembler = Assembler()
        agency = (await anext(frames))[0]
        yield b"ready"
        async for raw in frames:
            batch = assembler.feed(exchange_pb2.SubmitRequest.FromString(raw))
            if batch is not None:
                found = await self._taken(batch, agency)
                yield found.to_bytes(4, "big")

    async def _taken(self, batch: Batch, agency: int) -> int:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._pipeline.receive, batch, agency)


@contextmanager
def _hub(grounds: Grounds) -> Generator[Hub]:
    with Beside(grounds, WRITERS) as beside, first(grounds) as own:
        yield Hub(own, beside)


def run(sizes: Sizes, folder: Path) -> tuple[Figure, ...]:
    """Measure."""
    programs = postgres_kit.binaries()
    if programs is None:
        return _figures(None, 0)
    with (
        postgres_kit.server(programs, SERVER_SETTINGS) as postgres,
        _hub(lay(folder / "ingest-tls", AGENCIES, postgres.empty())) as hub,
    ):
        work = Workload(hub.first.agencies, BATCH)
        sides = asyncio.run(_measure(hub, work, postgres, sizes))
        _check(hub.first, work)
    return _figures(sides, sizes.ingest_rounds * sizes.ingest_round * BATCH)


def _figures(sides: Sides | None, records: int) -> tuple[Figure, ...]:
    share, own = "ingest, PostgreSQL, share of the bare pipeline", "ingest, PostgreSQL, everything on"
    if sides is None:
        return (Figure(share, None, "%", ">= 60"), Figure(own, None, "records/s", ">= 5000"))
    bare, hub = sides.bare, sides.hub
    return (
        at_least(share, 100 * bare.clock / hub.clock, "%", 60),
        at_least(own, records / hub.clock, "records/s", 5_000),
        Figure("ingest, PostgreSQL, bare pipeline", records / bare.clock, "records/s"),
        Figure("ingest, PostgreSQL, the same by CPU time", 100 * bare.cpu / hub.cpu, "%"),
        *(
            Figure(f"ingest, PostgreSQL, CPU of {whose} for a record", 1e6 * seconds / records, "µs")
            for whose, seconds in (
                ("the hub", hub.own),
                ("the bare pipeline", bare.own),
                ("the server under the hub", hub.server),
                ("the server under the bare pipeline", bare.server),
            )
        ),
    )


def _check(hub: BenchHub, work: Workload) -> None:
    """Every pair is linked, and both of its agencies were told."""
    with hub.core.database.read() as tx:
        opened = sum(links.counts(tx).values())
        written = sum(notifications.last_sequences(tx).values())
    assert (opened, written) == (work.pairs, 2 * work.pairs), (opened, written, work.pairs)


async def _measure(hub: Hub, work: Workload, postgres: postgres_kit.Server, sizes: Sizes) -> Sides:
    rounds = [tuple(work.batches(sizes.ingest_round)) for _ in range(sizes.ingest_rounds + 1)]
    core, material = hub.first.core, leaf(hub.first.authorities[HUB.trust_domain], HUB, Usage.SERVER)
    server = build_server(core, "127.0.0.1:0", material, writers=WRITERS)
    bare = BareServer(_bare(hub.first, postgres), material, core.registry.federation.bundle())
    await server.listener.start()
    await bare.start()
    ports = (server.listener.port, hub.beside.open())
    by_bare = by_hub = Spent()
    ways = {BARE: _ways(hub.first, (bare.port,)), SUBMIT: _ways(hub.first, ports)}
    with Agencies(ways) as agencies:
        for counted, batches in enumerate(rounds):
            agencies.give(batches)
            began = _now(hub, postgres)
            await agencies.submit(BARE)
            middle = _now(hub, postgres)
            receipts = await _hub_round(server, hub.beside, agencies)
            if counted:
                by_bare += middle - began
                by_hub += _now(hub, postgres) - middle
            _accepted(hub.first, receipts)
    await bare.stop()
    await server.listener.stop(0)
    server.threads.close()
    return Sides(by_bare, by_hub)


def _bare(hub: BenchHub, postgres: postgres_kit.Server) -> BarePipeline:
    database = postgres.empty().partition("?")[0].rpartition("/")[2]
    keys = [agency.signing.public for agency in hub.agencies.values()]
    return BarePipeline(PostgresTables(postgres.dsn(database)), keys)


def _now(hub: Hub, postgres: postgres_kit.Server) -> Spent:
    return Spent(time.perf_counter(), hub.cpu_seconds(), cpu_of(postgres.pids()))


def _ways(hub: BenchHub, ports: Sequence[int]) -> list[Way]:
    """Every agency's way to a server that shows the hub's certificate; they take turns at its ports."""
    roots, ways = hub.authorities[HUB.trust_domain].roots, list[Way]()
    for agency, port in zip(hub.agencies.values(), cycle(ports), strict=False):
        own = leaf(hub.authorities[agency.identity.trust_domain], agency.identity, Usage.CLIENT)
        ways.append(Way(port, roots, own.read()))
    return ways


async def _hub_round(server: Server, beside: Beside, agencies: Agencies) -> list[bytes]:
    """Submit, both processes ticking meanwhile, then tick until neither has anything left."""
    ticking = Ticking(server)
    beside.tick()
    receipts = await agencies.submit(SUBMIT)
    await ticking.stop()
    beside.rest()
    while any(await asyncio.gather(beat(server), asyncio.to_thread(beside.beat))):
        pass
    return receipts


def _accepted(hub: BenchHub, answers: Sequence[bytes]) -> None:
    for raw in answers:
        signed = signed_in(exchange_pb2.SubmitResponse.FromString(raw).receipt)
        receipt = decode_receipt(verify(signed, hub.core.foundation.signing_key.public, RECEIPT_TYPE))
        assert (receipt.code, receipt.refusals) == ("", ())
