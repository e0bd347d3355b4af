"""A running trustee: listener, fresh registry entries, reports to the hub, until told to stop.

Requests that are running when it stops get a few seconds; what was billed and not answered is recognised by
its request id when the connector asks again.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Sequence

from passerelle.clock import DAY, Clock, SystemClock
from passerelle.errors import PasserelleError
from passerelle.log import get_logger
from passerelle.rotation import keep_rotated
from passerelle.rpc.fresh import keep_fresh
from passerelle.sign import Signed
from passerelle_trustee.ceremonies.agreement import Party
from passerelle_trustee.compose import (
    Register,
    Server,
    build_renewals,
    build_rotation,
    build_server,
    open_hub,
    open_trustee,
)
from passerelle_trustee.config import HubSettings, TrusteeSettings
from passerelle_trustee.report import Reporter
from passerelle_trustee.service import GrpcCeremony, GrpcReports

_LOG = get_logger("trustee")


async def serve(settings: TrusteeSettings, clock: Clock | None = None) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        PasserelleError: what `build_server` raises.
    """
    time = clock or SystemClock()
    renewals = build_renewals(settings, time)
    for renewal in renewals:
        await renewal.ready()
    server = build_server(settings, time)
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    beside = [asyncio.create_task(_refresh(server.register, settings.registry.refresh_seconds))]
    beside.append(asyncio.create_task(_ceremonies(settings, server)))
    beside.append(asyncio.create_task(server.lists.run()))
    beside += [asyncio.create_task(keep_fresh(renewal)) for renewal in renewals]
    if (rotation := build_rotation(settings, server.register, time)) is not None:
        beside.append(asyncio.create_task(keep_rotated(rotation)))
    if settings.hub is not None and server.reporter is not None:
        beside.append(asyncio.create_task(_report(settings, settings.hub, server, server.reporter)))
    try:
        await server.listener.start()
        _LOG.info("trustee.listening", address=settings.listen, port=server.listener.port)
        await stop.wait()
    finally:
        for task in beside:
            task.cancel()
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


async def _ceremonies(settings: TrusteeSettings, server: Server) -> None:
    """Carry on every ceremony that was joined; shares that one ends with serve at once."""

    async def ask(party: Party, ceremony: bytes) -> Sequence[Signed]:
        async with open_trustee(settings, party, server.register) as channel:
            return await GrpcCeremony(channel).messages(ceremony)

    while True:
        try:
            await server.ceremonies.carry_on(ask)
            await asyncio.to_thread(server.shelf.refresh)
        except (PasserelleError, OSError) as error:
            code = error.code if isinstance(error, PasserelleError) else type(error).__name__
            _LOG.error("ceremony.failed", code=code)
        await asyncio.sleep(settings.ceremony_seconds)


async def _report(settings: TrusteeSettings, hub: HubSettings, server: Server, reporter: Reporter) -> None:
    """Report again and again; a hub that is away hears of it later."""
    while True:
        try:
            async with open_hub(settings, hub, server.register) as channel:
                await reporter.report(GrpcReports(channel).send)
        except PasserelleError as error:
            _LOG.warning("report.failed", code=error.code, detail=error.detail)
        await asyncio.sleep(settings.reports.seconds)


def today(clock: Clock) -> int:
    """The day that evaluations are billed to: days since the Unix epoch, UTC."""
    return clock.now() // DAY
