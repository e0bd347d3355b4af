"""A running trustee: listener, fresh registry entries, until told to stop.

Requests that are running when it stops get a few seconds; what was billed and not answered is recognised by
its request id when the connector asks again.
"""

from __future__ import annotations

import asyncio
import signal

from passerelle.clock import DAY, Clock, SystemClock
from passerelle.errors import PasserelleError
from passerelle.log import get_logger
from passerelle_trustee.compose import Register, Server, build_server
from passerelle_trustee.config import TrusteeSettings

_LOG = get_logger("trustee")


async def serve(settings: TrusteeSettings, clock: Clock | None = None) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        PasserelleError: what `build_server` raises.
    """
    server = build_server(settings, clock or SystemClock())
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    refreshing = asyncio.create_task(_refresh(server.register, settings.registry.refresh_seconds))
    try:
        await server.listener.start()
        _LOG.info("trustee.listening", address=settings.listen, port=server.listener.port)
        await stop.wait()
    finally:
        refreshing.cancel()
        await _stop(server)


async def _stop(server: Server) -> None:
    await server.listener.stop()
    await asyncio.to_thread(server.close)


async def _refresh(register: Register, seconds: float) -> None:
    """Read the registry folder again and again, so that a suspension reaches running streams."""
    while True:
        await asyncio.sleep(seconds)
        try:
            await asyncio.to_thread(register.refresh)
        except PasserelleError as error:
            _LOG.error("registry.unreadable", code=error.code, detail=error.detail)


def today(clock: Clock) -> int:
    """The day that evaluations are billed to: days since the Unix epoch, UTC."""
    return clock.now() // DAY
