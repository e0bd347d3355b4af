"""A running hub: listener, tick, jobs, until told to stop.

Order at start: migrate, read the active policy and the registry, warm the policy engine, settle what a crash
left between its two transactions, listen. At stop: refuse new calls, let running ones end, close the last
tick.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from passerelle.clock import SECOND, Clock, SystemClock
from passerelle.codec.signed import decode_signed
from passerelle.errors import PasserelleError
from passerelle.identity import Identity
from passerelle.keyfile import KeyKind, read_key
from passerelle.log import get_logger
from passerelle.rpc.material import FileMaterial
from passerelle.sign import Signed, SigningKey, VerifyingKey
from passerelle_hub import interpreter
from passerelle_hub.audit import EventKind
from passerelle_hub.backup.setup import open_database
from passerelle_hub.beside import (
    ENTRY_SECONDS,
    INVENTORY_SECONDS,
    Inventory,
    hub_renewal,
    start_beside,
)
from passerelle_hub.compose import Core, Foundation, Server, build_core, build_server
from passerelle_hub.config import HubSettings
from passerelle_hub.domains import Domains
from passerelle_hub.logbook.erasure import DetailErasure
from passerelle_hub.logbook.guard import LogGuard
from passerelle_hub.opening import open_policy
from passerelle_hub.outgoing import Bell
from passerelle_hub.schedule import Schedule, hub_jobs
from passerelle_hub.slots import push_moment
from passerelle_hub.store import Database, Transaction, origin
from passerelle_hub.store.waking import Waking

_LOG = get_logger("hub")
_OTHER_CONNECTIONS = 4
"""Beside the writers': two readers, the tick, one to spare."""
_PATIENCE_SECONDS = 60.0
_SILENT_TICKS = 2
"""Ticks without a wake-up, after which a process looks by itself."""


def open_core(settings: HubSettings, clock: Clock | None = None) -> Core:
    """Everything but the listener, ready to work.

    Raises:
        PasserelleError: `config_invalid`, `recovery_due`, `policy_not_activated`, a key file that is open to
            others, a bundle or entry that does not hold.
    """
    folder = settings.path
    connections = settings.writers + _OTHER_CONNECTIONS
    database = _awaited(lambda: open_database(settings, clock or SystemClock(), connections=connections))
    _at_home(database)
    policy = open_policy(settings, database)
    base = Foundation(
        identity=Identity.parse(settings.identity),
        director=settings.director,
        home_roots=_read(folder(settings.tls.roots)),
        registry_key=VerifyingKey(_read(folder(settings.registry.key))),
        signing_key=SigningKey(read_key(folder(settings.keys.signing), KeyKind.SIGNING)),
        pepper=read_key(folder(settings.keys.pepper), KeyKind.PEPPER),
        domains=Domains(settings.domains),
        bundle=policy.bundle,
        engine=policy.engine,
        clock=clock or SystemClock(),
        require_lists=settings.revocation.required,
        quotas=settings.quotas,
        quota_exceptions=settings.quota_exceptions,
        guard=_guard(settings, clock or SystemClock()),
        tolerance=settings.evaluations.tolerance(),
        signers=policy.signers,
        workshop=policy.workshop,
        policy_state=policy.state,
    )
    core = build_core(base, database)
    with database.write() as tx:
        database.alone(tx)
        core.registry.refresh(tx)
        core.epochs.refresh(tx)
    _take_entries(core, settings)
    return core


def _at_home(database: Database) -> None:
    """A database that was restored is no hub's before it was held against the log that others know.

    Raises:
        PasserelleError: `recovery_due`.
    """
    with database.read() as tx:
        moved = origin.moved(tx)
    if moved:
        database.close()
        raise PasserelleError("recovery_due", "another server or timeline than the tables belong to")


def _awaited(opening: Callable[[], Database]) -> Database:
    """The database, migrated; a server that starts beside the hub is given time.

    Raises:
        PasserelleError: `database_unavailable`, or what else opening raises.
    """
    end = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            return opening()
        except PasserelleError as error:
            if error.code != "database_unavailable" or time.monotonic() > end:
                raise
            _LOG.warning("database.awaited", detail=error.detail)
            time.sleep(0.5)


def _take_entries(core: Core, settings: HubSettings) -> None:
    """Take what the folder of entries holds and the table does not; read again while the hub runs."""
    known = {*core.registry.signed_entries(), *core.registry.refused}
    found = [one for one in stored_entries(settings.path(settings.registry.entries)) if one not in known]
    if found:
        with core.database.write() as tx:
            core.database.alone(tx)
            core.registry.refresh(tx)  # another process may have taken them
            known = {*core.registry.signed_entries()}
            for signed in found:
                if signed not in known:
                    _add(core, tx, signed)


def _add(core: Core, tx: Transaction, signed: Signed) -> None:
    """Take an entry of the folder; one older than the table's is left out and no reason not to start."""
    try:
        with tx.begin_nested():
            core.registry.add(tx, signed)
    except PasserelleError as error:
        if error.code != "registry_entry_invalid":
            raise
        core.registry.refused.add(signed)
        _LOG.warning("entry.refused", code=error.code, detail=error.detail)


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
    material = FileMaterial(settings.path(settings.tls.key), settings.path(settings.tls.chain))
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
            await server.threads.write(_last_checkpoint, core)
        server.threads.close()
        core.close()
        if bundles is not None:
            bundles.close()


def _further_jobs(schedule: Schedule, core: Core, settings: HubSettings) -> None:
    """Reports of evaluations, closer looks, the folder of entries, the daily look at what ends soon."""
    schedule.every(settings.evaluations.seconds, "evaluations", core.evaluations.reconcile)
    erasure = DetailErasure(core.database, core.audit, core.foundation.clock, settings.log.details_days)
    schedule.every(settings.retention_seconds, "details", erasure.run)
    schedule.every(ENTRY_SECONDS, "entries", lambda: _take_entries(core, settings))
    schedule.every(settings.retention_seconds, "closer", core.comparisons.lapse)
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


def _guard(settings: HubSettings, clock: Clock) -> LogGuard:
    log = settings.log
    age, witnessed = int(log.max_age_seconds * SECOND), int(log.witnessed_max_age_seconds * SECOND)
    return LogGuard(clock, age, log.quorum, witnessed)


def _last_checkpoint(core: Core) -> None:
    """So that an export of a stopped hub is covered as a whole."""
    with core.database.write() as tx:
        core.transparency.checkpoint(tx)


class Wakes:
    """Rings the bell at the end of a slot in which this or another process closed a tick (`slots`).

    Says so before, as soon as the work is done, so that what is to be pushed is at hand.
    `woken` may be called by any thread, the rest on the event loop.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, bell: Bell) -> None:
        self._loop = loop
        self._bell = bell
        self._silent = 0
        self._news = False

    def woken(self) -> None:
        """Another process, or this one, closed a tick."""
        self._loop.call_soon_threadsafe(self._noted)

    def worked(self) -> None:
        """This process's own tick has done its work; its slot goes on."""
        self._bell.announce()

    def ticked(self, *, closed: bool) -> None:
        """This process's own tick is done; the wake-up of a tick that it did not close may be lost."""
        self._silent += 1
        if closed or self._silent > _SILENT_TICKS:
            self._news = True
        self.slot_ended()

    def slot_ended(self) -> None:
        """Ring for what came in during the slot."""
        if self._news:
            self._news, self._silent = False, 0
            self._bell.ring()

    def _noted(self) -> None:
        self._news = True
        self._bell.announce()


async def tick(server: Server, seconds: float, wakes: Wakes) -> None:
    """Beat at whole multiples of the interval; a beat that took longer delays the next, never doubles it.

    Whoever waits is woken at the end of a slot: the length of a beat tells nobody what it was busy with.
    """
    loop = asyncio.get_running_loop()
    due, signed = loop.time(), False
    while True:
        due = max(due + seconds, loop.time())
        await asyncio.sleep(due - loop.time())
        wakes.slot_ended()
        closed = not server.core.database.concurrent
        try:
            beat = await server.threads.beat(server.core.pulse.beat)
            closed = beat.tick is not None
            if not signed:  # releases need a fresh one, and the job's first is an interval away
                await server.threads.write(_last_checkpoint, server.core)
                signed = True
        except Exception as error:  # noqa: BLE001 - one failed beat must not end the hub; the next tries again
            _LOG.error("tick.failed", exception_type=type(error).__name__)
        wakes.worked()
        await asyncio.sleep(push_moment(due, loop.time(), seconds) - loop.time())
        wakes.ticked(closed=closed)


def stored_entries(folder: Path) -> Iterator[Signed]:
    """The signed registry entries of a folder, by name of the file."""
    for path in sorted(folder.glob("*.entry")):
        yield decode_signed(path.read_bytes())


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise PasserelleError("config_invalid", f"{path.name}: {type(error).__name__}") from error


def _signalled() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop
