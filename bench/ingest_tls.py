"""Hub ingest on PostgreSQL, from the agencies' streams to the last notification, against a bare server.

Both run in this process on one PostgreSQL server, each with a database of its own, behind the same mutual TLS
on grpc.aio; four agencies submit side by side, each its next batch of 1,000 records when the last one is
answered. Rounds alternate: the bare pipeline takes a round of batches, then the hub takes the same ones. A
round ends for the bare pipeline with the last answer, for the hub when all batches are settled, all
notifications written and the tick closed; the hub ticks once a second as it does in service. A round is some
ticks long: in service batches keep coming while others are settled, and what is left at its end, a second's
worth that nothing comes beside, must not be most of it. The first round warms up and does not count. The
agencies' side costs both the same and counts.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import postgres_kit
from bench.bare import BarePipeline, PostgresTables
from bench.figures import Figure, Sizes, at_least
from bench.hub import BenchHub, bench_hub, leaf
from bench.workload import Prepared, Workload
from parties import HUB

from passerelle.certificate import Usage
from passerelle.codec.frames import Assembler
from passerelle.codec.signed import signed_in
from passerelle.codec.statement import decode_receipt
from passerelle.record import RECEIPT_TYPE, Batch
from passerelle.rpc.channel import open_channel
from passerelle.rpc.material import MemoryMaterial
from passerelle.sign import verify
from passerelle.wire.v1 import exchange_pb2
from passerelle_hub.compose import Server, build_server
from passerelle_hub.store import links, notifications

AGENCIES = ("customs", "defence", "interior", "police")
BATCH = 1_000
WRITERS = 2
SERVER_SETTINGS = ("shared_buffers=512MB", "max_wal_size=4GB", "checkpoint_timeout=15min")
_TICK = 1.0
_SUBMIT = "/passerelle.wire.v1.Exchange/Submit"
_BARE = "/bench.Bare/Submit"
_GRPC: Any = grpc  # the stubs of generic handlers and of `aio.server` are half typed
_AIO: Any = grpc.aio


@dataclass(slots=True)
class Spent:
    """Seconds by the clock, and of CPU in this process and the policy engine's, over all rounds counted."""

    hub: float = 0.0
    bare: float = 0.0
    hub_cpu: float = 0.0
    bare_cpu: float = 0.0


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
        bare = postgres.empty().partition("?")[0].rpartition("/")[2]
        work = Workload(hub.agencies, BATCH)
        spent = asyncio.run(_measure(hub, work, postgres.dsn(bare), sizes))
        _check(hub, work)
    return _figures(spent, sizes.ingest_rounds * sizes.ingest_round * BATCH)


def _figures(spent: Spent | None, records: int) -> tuple[Figure, ...]:
    share, own = "ingest, PostgreSQL, share of the bare pipeline", "ingest, PostgreSQL, everything on"
    if spent is None:
        return (Figure(share, None, "%", ">= 60"), Figure(own, None, "records/s", ">= 5000"))
    return (
        at_least(share, 100 * spent.bare / spent.hub, "%", 60),
        at_least(own, records / spent.hub, "records/s", 5_000),
        Figure("ingest, PostgreSQL, bare pipeline", records / spent.bare, "records/s"),
        Figure("ingest, PostgreSQL, CPU of the hub for a record", 1e6 * spent.hub_cpu / records, "µs"),
        Figure(
            "ingest, PostgreSQL, CPU of the bare pipeline for a record", 1e6 * spent.bare_cpu / records, "µs"
        ),
    )


def _check(hub: BenchHub, work: Workload) -> None:
    """Every pair is linked, and both of its agencies were told."""
    with hub.core.database.read() as tx:
        opened = sum(links.counts(tx).values())
        written = sum(notifications.last_sequences(tx).values())
    assert (opened, written) == (work.pairs, 2 * work.pairs), (opened, written, work.pairs)


async def _measure(hub: BenchHub, work: Workload, dsn: str, sizes: Sizes) -> Spent:
    material = leaf(hub.authorities[HUB.trust_domain], HUB, Usage.SERVER)
    keys = [agency.signing.public for agency in hub.agencies.values()]
    server = build_server(hub.core, "127.0.0.1:0", material, writers=WRITERS)
    pipeline = BarePipeline(PostgresTables(dsn), keys)
    bare = BareServer(pipeline, material, hub.core.registry.federation.bundle())
    await server.listener.start()
    await bare.start()
    spent = Spent()
    async with AsyncExitStack() as stack:
        to_bare = [await _channel(hub, name, bare.port, stack) for name in AGENCIES]
        to_hub = [await _channel(hub, name, server.listener.port, stack) for name in AGENCIES]
        made = [tuple(work.batches(sizes.ingest_round)) for _ in range(sizes.ingest_rounds + 1)]
        for number, batches in enumerate(made):
            began, cpu = time.perf_counter(), hub.cpu_seconds()
            await _all(_bare_stream, to_bare, batches)
            middle, cpu_middle = time.perf_counter(), hub.cpu_seconds()
            receipts = await _hub_round(server, to_hub, batches)
            if number:
                spent.bare += middle - began
                spent.bare_cpu += cpu_middle - cpu
                spent.hub += time.perf_counter() - middle
                spent.hub_cpu += hub.cpu_seconds() - cpu_middle
            _accepted(hub, receipts)
    await bare.stop()
    await server.listener.stop(0)
    server.threads.close()
    return spent


async def _channel(hub: BenchHub, name: str, port: int, stack: AsyncExitStack) -> grpc.aio.Channel:
    agency = hub.agencies[name]
    own = leaf(hub.authorities[agency.identity.trust_domain], agency.identity, Usage.CLIENT)
    channel = open_channel(f"127.0.0.1:{port}", HUB, hub.authorities[HUB.trust_domain].roots, own)
    return await stack.enter_async_context(channel)


async def _hub_round(
    server: Server, channels: Sequence[grpc.aio.Channel], batches: Sequence[Prepared]
) -> list[bytes]:
    """Submit, tick once a second meanwhile, then tick until nothing is left."""
    ticking = asyncio.create_task(_tick(server))
    receipts = await _all(_hub_stream, channels, batches)
    ticking.cancel()
    await asyncio.wait({ticking})
    while (await server.threads.beat(server.core.pulse.beat)).settled:
        pass
    return receipts


async def _tick(server: Server) -> None:
    while True:
        await asyncio.sleep(_TICK)
        await asyncio.shield(asyncio.ensure_future(server.threads.beat(server.core.pulse.beat)))


async def _all(stream: Any, channels: Sequence[grpc.aio.Channel], batches: Sequence[Prepared]) -> list[bytes]:
    """All agencies' streams side by side; the answers."""
    mine: Mapping[int, list[Prepared]] = {place: [] for place in range(len(channels))}
    for batch in batches:
        mine[batch.agency].append(batch)
    answers = await asyncio.gather(
        *(stream(channel, place, mine[place]) for place, channel in enumerate(channels))
    )
    return [answer for some in answers for answer in some]


async def _hub_stream(channel: Any, _place: int, batches: Sequence[Prepared]) -> list[bytes]:
    call = channel.stream_stream(_SUBMIT)()
    await call.read()  # the agency's position
    return await _answers(call, batches)


async def _bare_stream(channel: Any, place: int, batches: Sequence[Prepared]) -> list[bytes]:
    call = channel.stream_stream(_BARE)()
    await call.write(bytes([place]))
    await call.read()
    return await _answers(call, batches)


async def _answers(call: Any, batches: Sequence[Prepared]) -> list[bytes]:
    answers: list[bytes] = []
    for batch in batches:
        for frame in batch.frames:
            await call.write(frame)
        answers.append(await call.read())
    await call.done_writing()
    return answers


def _accepted(hub: BenchHub, answers: Sequence[bytes]) -> None:
    for raw in answers:
        signed = signed_in(exchange_pb2.SubmitResponse.FromString(raw).receipt)
        receipt = decode_receipt(verify(signed, hub.core.foundation.signing_key.public, RECEIPT_TYPE))
        assert (receipt.code, receipt.refusals) == ("", ())
