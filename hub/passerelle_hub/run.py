"""A running hub: listener, tick, jobs, until told to stop.

Order at start: migrate, read the active policy and the registry, warm the policy engine, settle what a crash
left between its two transactions, listen. At stop: refuse new calls, let running ones end, close the last
tick.
"""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress

from passerelle.certificate import Usage
from passerelle.log import get_logger
from passerelle.rpc.material import own_material
from passerelle_hub import interpreter
from passerelle_hub.audit import EventKind
from passerelle_hub.beside import (
    ENTRY_SECONDS,
    INVENTORY_SECONDS,
    Inventory,
    hub_renewal,
    start_beside,
)
from passerelle_hub.compose import Core
from passerelle_hub.compose_server import build_server
from passerelle_hub.config import HubSettings
from passerelle_hub.entries import take_entries
from passerelle_hub.logbook.erasure import DetailErasure
from passerelle_hub.schedule import Schedule, hub_jobs
from passerelle_hub.start import open_core
from passerelle_hub.store.waking import Waking
from passerelle_hub.ticking import Wakes, last_checkpoint, tick
from passerelle_hub.unindex import PORTION_SECONDS, ClosedEpochs

_LOG = get_logger("hub")


async def serve(settings: HubSettings, stop: asyncio.Event | None = None) -> None:
    """Run until told to stop (SIGTERM, SIGINT or `stop`)."""
    core = open_core(settings)
    workshop = core.foundation.workshop
    bundles = workshop.bundles if workshop else None
    if bundles is not None:
        bundles.start()
    warm = getattr(core.foundation.engine, "warm", None)
    if warm is not None:
        warm()
    _begin(core, settings.identity)
    renewal = hub_renewal(settings)
    if renewal is not None:
        await renewal.ready()
    material = own_material(settings, settings.tls, Usage.SERVER)
    server = build_server(
        core,
        settings.listen,
        material,
        writers=settings.writers if core.database.concurrent else 1,
        share_port=core.database.concurrent,
    )
    schedule = Schedule(server.threads.submit, lambda: core.leader.leads)
    hub_jobs(
        schedule,
        database=core.database,
        transparency=core.transparency,
        retention=core.retention,
        checkpoint_seconds=settings.checkpoint_seconds,
        retention_seconds=settings.retention_seconds,
    )
    _further_jobs(schedule, core, settings)
    beside = start_beside(core, settings, renewal, server.threads)
    interpreter.settle()
    await server.listener.start()
    schedule.start()
    _LOG.info("hub.listening", port=server.listener.port, revision=core.foundation.bundle.revision)
    wakes = Wakes(asyncio.get_running_loop(), server.bell)
    waking = Waking(core.database, wakes.woken)
    waking.start()
    ticking = asyncio.create_task(tick(server, settings.tick_seconds, wakes))
    try:
        await (stop or _signalled()).wait()
    finally:
        for task in beside:
            task.cancel()
        ticking.cancel()
        with suppress(asyncio.CancelledError):
            await ticking
        await server.listener.stop()
        await asyncio.to_thread(schedule.stop)
        await asyncio.to_thread(waking.stop)
        await server.threads.beat(core.pulse.beat)
        if core.leader.leads:
            await server.threads.write(last_checkpoint, core)
        server.threads.close()
        core.close()
        if bundles is not None:
            bundles.close()


def _further_jobs(schedule: Schedule, core: Core, settings: HubSettings) -> None:
    """Reports of evaluations, closer looks, the folder of entries, the daily look at what ends soon."""
    schedule.every(settings.evaluations.seconds, "evaluations", core.evaluations.reconcile)
    erasure = DetailErasure(core.database, core.audit, core.foundation.clock, settings.log.details_days)
    schedule.every(settings.retention_seconds, "details", erasure.run)
    schedule.every(ENTRY_SECONDS, "entries", lambda: take_entries(core, settings))
    schedule.every(settings.retention_seconds, "closer", core.comparisons.lapse)
    closed = ClosedEpochs(core.database, core.audit, core.foundation.clock)
    schedule.every(PORTION_SECONDS, "epochs", closed.sweep)
    inventory = Inventory(core, settings.path(settings.tls.chain).read_bytes)
    schedule.every(INVENTORY_SECONDS, "inventory", inventory.look)


def _begin(core: Core, identity: str) -> None:
    """Note the start and settle what a crash left between its two transactions."""
    with core.database.write() as tx:
        revision = core.foundation.bundle.revision
        signed = core.foundation.policy_state.revision
        core.audit.append(tx, EventKind.HUB_STARTED, identity)
        kind = EventKind.POLICY_LOADED if signed else EventKind.POLICY_ACTIVATED
        core.audit.append(tx, kind, identity, revision=revision)
    core.settlement.settle_all()


def _signalled() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop
