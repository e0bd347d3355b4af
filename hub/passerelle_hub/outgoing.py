"""The sending side of notifications: read from a cursor, acknowledge, wait for the next tick.

Promises: at least once, in the order of the agency's numbers, again from any cursor, kept after the
acknowledgement. A cursor beyond what was ever sent is refused, since it can only be a mistake. What the
open streams of a process share of this is in `streams`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from passerelle.errors import PasserelleError
from passerelle.identity import Identity
from passerelle_hub.audit import Audit, EventKind
from passerelle_hub.logbook import vouch
from passerelle_hub.logbook.guard import LogGuard
from passerelle_hub.store import Database, notifications
from passerelle_hub.store.notifications import StoredNotification

PAGE = 100


class Bell:
    """Wakes everybody who waits, once a tick, and says before that it will. Belongs to one event loop."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._calls: list[Callable[[], None]] = []
        self._early: list[Callable[[], None]] = []

    def on_news(self, call: Callable[[], None]) -> None:
        """Call this when the next ring will have news to tell, on the event loop; it must not block."""
        self._early.append(call)

    def on_ring(self, call: Callable[[], None]) -> None:
        """Call this at every ring, on the event loop; it must not block."""
        self._calls.append(call)

    def announce(self) -> None:
        """A tick's work is done; its slot is not."""
        for call in self._early:
            call()

    def ring(self) -> None:
        """Wake all waiters."""
        self._event.set()
        self._event = asyncio.Event()
        for call in self._calls:
            call()

    async def wait(self) -> None:
        """Sleep until the next ring."""
        await self._event.wait()


class Outgoing:
    """What an agency's notification stream reads and writes. Blocking; called off the event loop."""

    def __init__(self, database: Database, audit: Audit, guard: LogGuard | None = None) -> None:
        self._database = database
        self._audit = audit
        self._guard = guard or LogGuard()

    def open(self, peer: Identity, cursor: int) -> None:
        """Begin at a cursor.

        Raises:
            PasserelleError: `cursor_invalid`, `log_stale`.
        """
        with self._database.write() as tx:
            self._guard.require(tx)
            if cursor > notifications.last_sequences(tx).get(peer.agency, 0):
                raise PasserelleError("cursor_invalid", f"cursor {cursor}")
            self._audit.append(tx, EventKind.NOTIFICATIONS_OPENED, str(peer), cursor=cursor)

    def after(self, peer: Identity, cursor: int) -> tuple[StoredNotification, ...]:
        """The next page beyond a cursor.

        Raises:
            PasserelleError: `log_stale`: a stream that is open long releases no more than one that begins.
        """
        with self._database.read() as tx:
            self._guard.require(tx)
            return notifications.after(tx, peer.agency, cursor, PAGE)

    def news(self, cursors: Mapping[str, int]) -> Mapping[str, tuple[StoredNotification, ...]]:
        """The next page of each agency beyond its cursor, from one state; agencies without are left out.

        Raises:
            PasserelleError: `log_stale`.
        """
        with self._database.read() as tx:
            self._guard.require(tx)
            return notifications.news(tx, cursors, PAGE)

    def acknowledge(self, peer: Identity, sequence: int) -> None:
        """Note that the agency stored everything up to a number; a number noted before changes nothing.

        Raises:
            PasserelleError: `cursor_invalid`, a number that was never given; the listener audits it.
        """
        with self._database.write() as tx:
            last, before = notifications.held(tx, [peer.agency]).get(peer.agency, (0, 0))
            if sequence > last:
                raise PasserelleError("cursor_invalid", f"acknowledgement {sequence}")
            if sequence > before:
                self._audit.append(
                    tx,
                    EventKind.NOTIFICATION_ACKNOWLEDGED,
                    str(peer),
                    vouch=vouch.acknowledged(peer.agency, sequence),
                    sequence=sequence,
                )
                notifications.acknowledge(tx, peer.agency, sequence)

    def acknowledge_all(self, numbers: Mapping[Identity, int]) -> None:
        """Note what several agencies acknowledged, in one transaction; a number never given is left out."""
        with self._database.write() as tx:
            places = notifications.held(tx, {peer.agency for peer in numbers})
            for peer, sequence in numbers.items():
                last, before = places.get(peer.agency, (0, 0))
                if before < sequence <= last:
                    self._audit.append(
                        tx,
                        EventKind.NOTIFICATION_ACKNOWLEDGED,
                        str(peer),
                        vouch=vouch.acknowledged(peer.agency, sequence),
                        sequence=sequence,
                    )
                    notifications.acknowledge(tx, peer.agency, sequence)
