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
from passerelle_pki.compose import build_server
from passerelle_pki.config import PkiSettings
from passerelle_pki.register import Register

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
    refreshing = asyncio.create_task(_refresh(server.register, settings.refresh_seconds))
    try:
        await server.listener.start()
        _LOG.info("pki.listening", address=settings.listen, port=server.listener.port)
        await stop.wait()
    finally:
        refreshing.cancel()
        await server.listener.stop()
        await asyncio.to_thread(server.threads.shutdown)


async def _refresh(register: Register, seconds: float) -> None:
    """Read the entries again and again, so that a suspension and a new manifest take effect."""
    while True:
        await asyncio.sleep(seconds)
        try:
            await asyncio.to_thread(register.refresh)
        except PasserelleError as error:
            _LOG.error("registry.unreadable", code=error.code, detail=error.detail)
