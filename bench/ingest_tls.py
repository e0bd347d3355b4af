"""Hub ingest on PostgreSQL, from the agencies' streams to the last notification, against a bare server.

Both run in this process on one PostgreSQL server, each with a database of its own, behind the same mutual TLS
on grpc.aio; four agencies, in a process of their own, submit side by side, each its next batch of 1,000
records when the last one is answered. Rounds alternate: the bare pipeline takes a round of batches, then the
hub takes the same ones. A round ends for the bare pipeline with the last answer, for the hub when all batches
are settled, all notifications written and the tick closed; the hub ticks once a second as it does in service.
A round is some ticks long: in service batches keep coming while others are settled, and what is left at its
end, a second's worth that nothing comes beside, must not be most of it. The first round warms up and does not
count. The agencies' side and the server cost time on the same processors and count, for both.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import postgres_kit
from bench.agencies import BARE, SUBMIT, Agencies, Way
from bench.bare import BarePipeline, PostgresTables
from bench.figures import Figure, Sizes, at_least, cpu_of
from bench.hub import BenchHub, bench_hub, leaf
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
_TICK = 1.0
_GRPC: Any = grpc  # the stubs of generic handlers and of `aio.server` are half typed
_AIO: Any = grpc.aio


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds by the clock, and of CPU: in this process and the policy engine's, and in PostgreSQL's."""

    clock: float = 0.0
    own: float = 0.0
    server: float = 0.0

    def __add__(self, other: Spent) -> Spent:
        return Spent(self.clock + other.clock, self.own + other.own, self.server + other.server)

    def __sub__(self, other: Spent) -> Spent:
        return Spent(self.clock - other.clock, self.own - other.own, self.server - other.server)


@dataclass(frozen=True, slots=True)
class Sides:
    """What the bare pipeline and the hub spent on the rounds counted."""

    bare: Spent
    hub: Spent


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


def run(sizes: Sizes, folder: Path) -> tuple[Figure, ...]:
    """Measure."""
    programs = postgres_kit.binaries()
    if programs is None:
        return _figures(None, 0)
    with (
        postgres_kit.server(programs, SERVER_SETTINGS) as postgres,
        bench_hub(folder / "ingest-tls", AGENCIES, postgres.empty()) as hub,
    ):
        work = Workload(hub.agencies, BATCH)
        sides = asyncio.run(_measure(hub, work, postgres, sizes))
        _check(hub, work)
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


async def _measure(hub: BenchHub, work: Workload, postgres: postgres_kit.Server, sizes: Sizes) -> Sides:
    material = leaf(hub.authorities[HUB.trust_domain], HUB, Usage.SERVER)
    server = build_server(hub.core, "127.0.0.1:0", material, writers=WRITERS)
    bare = BareServer(_bare(hub, postgres), material, hub.core.registry.federation.bundle())
    await server.listener.start()
    await bare.start()
    by_bare = by_hub = Spent()
    with Agencies({BARE: _ways(hub, bare.port), SUBMIT: _ways(hub, server.listener.port)}) as agencies:
        for counted in range(sizes.ingest_rounds + 1):
            agencies.give(tuple(work.batches(sizes.ingest_round)))
            began = _now(hub, postgres)
            await agencies.submit(BARE)
            middle = _now(hub, postgres)
            receipts = await _hub_round(server, agencies)
            if counted:
                by_bare += middle - began
                by_hub += _now(hub, postgres) - middle
            _accepted(hub, receipts)
    await bare.stop()
    await server.listener.stop(0)
    server.threads.close()
    return Sides(by_bare, by_hub)


def _bare(hub: BenchHub, postgres: postgres_kit.Server) -> BarePipeline:
    database = postgres.empty().partition("?")[0].rpartition("/")[2]
    keys = [agency.signing.public for agency in hub.agencies.values()]
    return BarePipeline(PostgresTables(postgres.dsn(database)), keys)


def _now(hub: BenchHub, postgres: postgres_kit.Server) -> Spent:
    return Spent(time.perf_counter(), hub.cpu_seconds(), cpu_of(postgres.pids()))


def _ways(hub: BenchHub, port: int) -> list[Way]:
    """Every agency's way to a server that shows the hub's certificate."""
    roots, ways = hub.authorities[HUB.trust_domain].roots, list[Way]()
    for agency in hub.agencies.values():
        own = leaf(hub.authorities[agency.identity.trust_domain], agency.identity, Usage.CLIENT)
        ways.append(Way(port, roots, own.read()))
    return ways


async def _hub_round(server: Server, agencies: Agencies) -> list[bytes]:
    """Submit, tick once a second meanwhile, then tick until nothing is left."""
    ticking = asyncio.create_task(_tick(server))
    receipts = await agencies.submit(SUBMIT)
    ticking.cancel()
    await asyncio.wait({ticking})
    while (await server.threads.beat(server.core.pulse.beat)).settled:
        pass
    return receipts


async def _tick(server: Server) -> None:
    while True:
        await asyncio.sleep(_TICK)
        await asyncio.shield(asyncio.ensure_future(server.threads.beat(server.core.pulse.beat)))


def _accepted(hub: BenchHub, answers: Sequence[bytes]) -> None:
    for raw in answers:
        signed = signed_in(exchange_pb2.SubmitResponse.FromString(raw).receipt)
        receipt = decode_receipt(verify(signed, hub.core.foundation.signing_key.public, RECEIPT_TYPE))
        assert (receipt.code, receipt.refusals) == ("", ())
