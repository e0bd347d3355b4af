"""A further process of the hub that a benchmark runs, on the same database: a hub as whole as the first."""

from __future__ import annotations

import asyncio
from multiprocessing.connection import Connection
from typing import Final

from bench.companion import Companion
from bench.figures import cpu_seconds
from bench.hub import Grounds, leaf, opened
from parties import HUB

from passerelle.certificate import Usage
from passerelle_hub.compose_server import Server, build_server

_TICK_SECONDS: Final = 1.0


class Beside(Companion):
    """The process, from here. Made before this one has threads, which a fork would lose."""

    def __init__(self, grounds: Grounds, writers: int) -> None:
        super().__init__("fork", _run, grounds, writers)  # keys go along that cannot be sent

    def open(self) -> int:
        """Start it, now that the tables are there and the agencies registered; the port where it listens."""
        return self._said("open")

    def cpu_seconds(self) -> float:
        """CPU time of the process and of its policy engine's."""
        return self._said("cpu") / 1e6

    def tick(self) -> None:
        """Beat once a second from now on."""
        self._said("tick")

    def rest(self) -> None:
        """Beat no longer by itself."""
        self._said("rest")

    def beat(self) -> int:
        """Beat once; how many batches it settled."""
        return self._said("beat")

    def _said(self, word: str) -> int:
        self._line.send(word)
        answer: int = self._line.recv()
        return answer


class Ticking:
    """The beat of a server of a benchmark: once a second, as in service, but without the slots of pushes."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._task = asyncio.create_task(self._tick())

    async def stop(self) -> None:
        """Beat no longer. One that runs goes on, and the next waits for it."""
        self._task.cancel()
        await asyncio.wait({self._task})

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            await asyncio.shield(asyncio.ensure_future(beat(self._server)))


async def beat(server: Server) -> int:
    """Beat once; how many batches it settled."""
    return (await server.threads.beat(server.core.pulse.beat)).settled


def _run(line: Connection, grounds: Grounds, writers: int) -> None:
    assert line.recv() == "open"
    asyncio.run(_serve(line, grounds, writers))


async def _serve(line: Connection, grounds: Grounds, writers: int) -> None:
    loop = asyncio.get_running_loop()
    material = leaf(grounds.authorities[HUB.trust_domain], HUB, Usage.SERVER)
    with opened(grounds) as (core, engine):
        server = build_server(core, "127.0.0.1:0", material, writers=writers)
        await server.listener.start()
        answer, ticking = server.listener.port, None
        try:
            while True:
                line.send(answer)
                said = await loop.run_in_executor(None, line.recv)
                if said == "tick":
                    ticking = Ticking(server)
                elif said == "rest" and ticking is not None:
                    await ticking.stop()
                elif said == "beat":
                    answer = await beat(server)
                elif said == "cpu":
                    answer = round(1e6 * cpu_seconds(pid for pid in engine.pids if pid is not None))
        finally:
            await server.listener.stop(0)
            server.threads.close()
