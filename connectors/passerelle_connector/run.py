"""The connector at work: loops that share nothing but the store.

- *source*: ask the hub what it accepts (skipped while the hub is away), read the source, sleep or until a
  watched source changes, again;
- *deliver*: one stream to the hub, woken whenever a batch is closed;
- *inbox*: one stream of notifications;
- *reconcile*: once hub and outbox agree after each connection, and daily, what the hub holds is compared with
  what receipts say;
- *log*: the hub's log is followed and cosigned, what receipts promise is fetched and checked;
- *lists*: the lists of revoked certificates are fetched and read again (`listwatch`);
- *rotate*: new sealing and signing keys once a month;
- *closer*, where it is configured: closer looks at pairs are answered;
- *renew*, where an authority is configured: the leaf at half its life, after which channels are opened anew.

A loop that fails notes why it waits, sleeps (exponentially longer, with jitter, up to a limit) and starts
again from what is stored. None stops another; cancelling the whole stops all of them between two
transactions.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from passerelle.clock import Clock
from passerelle.errors import PasserelleError
from passerelle.log import get_logger
from passerelle.rotation import Rotation
from passerelle.rpc.leaf import Renewal
from passerelle_connector.closer.answering import Answering
from passerelle_connector.deliver import Delivery
from passerelle_connector.epochs import Turning
from passerelle_connector.inbox import Inbox
from passerelle_connector.listwatch import ListWatch
from passerelle_connector.log_watch import LogWatch
from passerelle_connector.model import TokenProtocol, Wait
from passerelle_connector.outbox import Outbox
from passerelle_connector.peers import Peers
from passerelle_connector.ports import DirectoryPort, Healthy, HubDescription, quiet
from passerelle_connector.reading import Outcome, Reader
from passerelle_connector.reconcile import Reconciled, Reconciliation
from passerelle_connector.sources import Source
from passerelle_connector.sources.watch import look, rest
from passerelle_connector.store import WaitStore

_LOG: Final = get_logger("run")
_AWAY: Final = frozenset(
    {"peer_unavailable", "peer_timeout", "hub_unreachable", "hub_busy", "database_unavailable"}
)
_EXPONENT_LIMIT: Final = 16
_CALLS: Final = frozenset({"source", "deliver", "inbox", "reconcile", "closer"})
"""Loops that call others; they do not begin while a list is stale."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds: between readings, first and longest pause after a failure; `jitter` gives 0.0 to 1.0.

    `reconcile` are the seconds between reconciliations, at most.
    `watch` are the seconds between two looks at a source that may have changed; 0 for none.
    """

    scan: float
    retry: float
    retry_limit: float
    jitter: Callable[[], float]
    watch: float = 0.0
    reconcile: float = 86_400.0

    def pause(self, attempt: int) -> float:
        """How long to wait after the given number of failures in a row, from 1."""
        longest = self.retry * 2.0 ** min(attempt - 1, _EXPONENT_LIMIT)
        return min(longest, self.retry_limit) * (0.5 + self.jitter() / 2)


class Connector:
    """A wired connector. One per store."""

    def __init__(
        self,
        source: Source,
        reader: Reader,
        outbox: Outbox,
        delivery: Delivery,
        inbox: Inbox,
        directory: DirectoryPort,
        peers: Peers,
        protocol: TokenProtocol,
        waits: WaitStore,
        clock: Clock,
        pace: Pace,
        renewal: Renewal | None = None,
        reconciliation: Reconciliation | None = None,
        lists: ListWatch | None = None,
        log_watch: LogWatch | None = None,
    ) -> None:
        self._source = source
        self._reader = reader
        self._outbox = outbox
        self._delivery = delivery
        self._inbox = inbox
        self._directory = directory
        self.peers = peers
        self._protocol = protocol
        self._waits = waits
        self._clock = clock
        self._pace = pace
        self._renewal = renewal
        self._reconciliation = reconciliation
        self._lists = lists
        self.log_watch = log_watch
        self.rotation: Rotation | None = None
        self.turning: Turning | None = None
        self.due = asyncio.Event()
        """Set once a later token epoch is due: whoever runs this connector wires it anew (`epochs`)."""
        self.answering: Answering | None = None
        self._agreed = asyncio.Event()

    async def run(self) -> None:
        """Work until cancelled."""
        loop = asyncio.get_running_loop()

        def wake() -> None:
            loop.call_soon_threadsafe(self._delivery.closed.set)

        self._outbox.on_closed(wake)
        self._delivery.answered = self._outbox.size.answered
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep_going("source", self._scan))
            tasks.create_task(self._keep_going("deliver", self._deliver))
            tasks.create_task(self._keep_going("inbox", self.receive))
            if self._renewal is not None:
                tasks.create_task(self._keep_going("renew", self._renew))
            if self._reconciliation is not None:
                tasks.create_task(self._keep_going("reconcile", self._reconcile))
            if self._lists is not None:
                tasks.create_task(self._keep_going("lists", self._lists.run))
            if self.log_watch is not None:
                tasks.create_task(self._keep_going("log", self.log_watch.run))
            if self.rotation is not None:
                tasks.create_task(self._keep_going("rotate", self.rotation.run))
            if self.answering is not None:
                tasks.create_task(self._keep_going("closer", self.answering.run))

    async def submit_once(self) -> Outcome:
        """Read the source once and deliver everything the outbox holds.

        Raises:
            PasserelleError: whatever keeps rows or batches waiting; all of them are kept.
        """
        outcome = await self.read_once()
        await self._delivery.run(until_empty=True)
        return outcome

    async def read_once(self) -> Outcome:
        """Refresh what is known of the hub, then read the source once.

        Raises:
            PasserelleError: `batch_normaliser_wrong`, `batch_epoch_wrong`, `epoch_turned`, or what a reading
                raises.
        """
        try:
            said = await self._directory.describe()
            await self._turn(said)
            self.check(said)
            self.peers.accept(await self._directory.agencies())
        except PasserelleError as error:
            if error.code not in _AWAY:
                raise
            _LOG.info("hub.away", code=error.code, detail=error.detail)
        return await self._reader.read()

    async def _turn(self, hub: HubDescription) -> None:
        if self.turning is None:
            return
        try:
            await asyncio.to_thread(self.turning.check, hub.domains)
        except PasserelleError:
            self.due.set()
            raise

    def check(self, hub: HubDescription) -> None:
        """Check that the hub takes what this connector makes, before any evaluation is spent on it.

        Raises:
            PasserelleError: `batch_normaliser_wrong`, `batch_epoch_wrong`.
        """
        ours = self._protocol
        if (hub.normaliser, hub.catalogue) != (ours.normaliser, ours.catalogue):
            raise PasserelleError(
                "batch_normaliser_wrong", f"the hub announces {hub.normaliser} {hub.catalogue}"
            )
        epochs = [epoch for domain in hub.domains if domain.name == ours.domain for epoch in domain.epochs]
        if ours.epoch not in epochs:
            raise PasserelleError("batch_epoch_wrong", f"the hub accepts {epochs}")

    async def _scan(self, healthy: Healthy) -> None:
        before = await look(self._source)
        await self.read_once()
        await healthy()
        await rest(self._source, before, self._pace.scan, self._pace.watch)

    async def _deliver(self, healthy: Healthy) -> None:
        connected = True

        async def agreed() -> None:
            nonlocal connected
            if connected:
                self._agreed.set()
            connected = False
            await healthy()

        await self._delivery.run(until_empty=False, healthy=agreed)

    async def reconcile_once(self, *, confirmed: bool = False) -> Reconciled:
        """Compare with the hub what it holds, and heal; see `reconcile`.

        Raises:
            PasserelleError: `reconcile_answer_invalid`, or what the port raises.
        """
        if self._reconciliation is None:
            return Reconciled(compared=False)
        return await self._reconciliation.run(confirmed=confirmed)

    async def _reconcile(self, healthy: Healthy) -> None:
        """After each connection, at the latest after a day; while batches are under way, a little later."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._agreed.wait(), self._pace.reconcile)
        self._agreed.clear()
        compared = False
        try:
            compared = (await self.reconcile_once()).agreed
        finally:
            if not compared:  # tried again without a new connection
                self._agreed.set()
        await healthy()
        if not compared:
            await asyncio.sleep(self._pace.retry_limit)

    async def _renew(self, healthy: Healthy) -> None:
        if self._renewal is not None:
            await self._renewal.run(healthy)

    async def receive(self, healthy: Healthy = quiet) -> None:
        """One stream of notifications, until the hub or a fault ends it.

        Raises:
            PasserelleError: why it ended; what arrived before is stored.
        """
        await self._inbox.run(healthy=healthy)

    async def _keep_going(self, part: str, action: Callable[[Healthy], Awaitable[None]]) -> None:
        failures = 0

        async def healthy() -> None:
            nonlocal failures
            if failures:
                failures = 0
                await asyncio.to_thread(self._waits.clear, part)

        await asyncio.to_thread(self._waits.clear, part)
        while True:
            try:
                if self._lists is not None and part in _CALLS:
                    self._lists.check()
                await action(healthy)
                continue
            except PasserelleError as error:
                code, detail = error.code, error.detail
            except Exception as fault:  # noqa: BLE001 - a full disk or a fault of ours must not stop the others
                code, detail = "internal", type(fault).__name__
            failures += 1
            pause = self._pace.pause(failures)
            _LOG.warning("waits", job=part, code=code, detail=detail, waiting=round(pause, 1))
            with suppress(Exception):  # a store that cannot be written is the wait itself
                await asyncio.to_thread(self._waits.note, Wait(part, code, self._clock.now()))
            await asyncio.sleep(pause)
