"""A running authority: listener, fresh registry entries, until told to stop.

A renewal that is running when it stops gets a few seconds; one that was issued and not answered is asked for
again, and the leaf that nobody fetched expires.
"""

from __future__ import annotations

import asyncio
import signal

from passerelle.clock import Clock, SystemClock
from passerelle.errors import PasserelleError
from passerelle.log import get_logger
from passerelle_pki.compose import Server, build_server
from passerelle_pki.config import PkiSettings

_LOG = get_logger("pki")


async def serve(settings: PkiSettings, clock: Clock | None = None) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        PasserelleError: what `build_server` raises.
    """
    server = build_server(settings, clock or SystemClock())
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    refreshing = asyncio.create_task(_refresh(server, settings.refresh_seconds))
    try:
        await server.listener.start()
        _LOG.info("pki.listening", address=settings.listen, port=server.listener.port)
        await stop.wait()
    finally:
        refreshing.cancel()
        await server.listener.stop()
        await asyncio.to_thread(server.threads.shutdown)


async def _refresh(server: Server, seconds: float) -> None:
    """Read entries again and publish, again and again, so that a suspension and a revocation take effect."""
    while True:
        try:
            await asyncio.get_running_loop().run_in_executor(server.threads, server.refresh)
        except PasserelleError as error:
            _LOG.error("registry.unreadable", code=error.code, detail=error.detail)
        except OSError as error:
            _LOG.error("registry.unreadable", detail=type(error).__name__)
        await asyncio.sleep(seconds)
