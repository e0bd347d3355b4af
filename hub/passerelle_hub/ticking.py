"""The beat of a hub that serves: ticks at whole multiples of the interval, and who is woken when."""

from __future__ import annotations

import asyncio

from passerelle.log import get_logger
from passerelle_hub.compose import Core
from passerelle_hub.compose_server import Server
from passerelle_hub.outgoing import Bell
from passerelle_hub.slots import push_moment

_LOG = get_logger("hub")
_SILENT_TICKS = 2
"""Ticks without a wake-up, after which a process looks by itself."""


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
                await server.threads.write(last_checkpoint, server.core)
                signed = True
        except Exception as error:  # noqa: BLE001 - one failed beat must not end the hub; the next tries again
            _LOG.error("tick.failed", exception_type=type(error).__name__)
        wakes.worked()
        await asyncio.sleep(push_moment(due, loop.time(), seconds) - loop.time())
        wakes.ticked(closed=closed)


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


def last_checkpoint(core: Core) -> None:
    """So that an export of a stopped hub is covered as a whole."""
    with core.database.write() as tx:
        core.transparency.checkpoint(tx)
