"""The inbox: notifications from the hub, stored before they are acknowledged.

At opening, what is stored is acknowledged again: a crash may have come between (5) and (6). Then, for each
notification, in the order of the hub's sequence:

(1) its number is the next one; one already stored is acknowledged again, a gap ends the stream;
(2) open it with the sealing key it names; number, hub and agency are bound into the encryption;
(3) verify the hub's signature over the exact bytes;
(4) read it; it is addressed to us, is none that we have under another number, and speaks of records that are
    ours. To the director's desk alone it may speak of none;
(5) store it;
(6) acknowledge it, at most every `pause` seconds and then the newest number only: it speaks for all before
    it, and the hub has its hands free while it tells everybody else.

A notification that fails (1) to (4) is not acknowledged and ends the stream: the hub keeps it, the
administrator sees why. Old sealing keys still open, so that a month offline loses nothing. Not for
concurrent use.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Final

from passerelle.audit import names
from passerelle.audit.rows import notified, row_digest
from passerelle.clock import SECOND, Clock
from passerelle.codec.notification import decode_notification
from passerelle.codec.signed import encode_signed
from passerelle.errors import PasserelleError
from passerelle.identity import Identity
from passerelle.log import get_logger
from passerelle.notification import DIRECTOR, Notification
from passerelle.notification_seal import open_notification
from passerelle.record import NOTIFICATION_TYPE
from passerelle.seal import SealingKey
from passerelle.sign import Signed
from passerelle_connector.peers import Peers
from passerelle_connector.ports import Healthy, HubPort, SealedNotification, close_stream, quiet
from passerelle_connector.store import InboxStore, PromiseStore, RowStore
from passerelle_connector.store.promises import NOTIFICATION, Promise

ACKNOWLEDGE_SECONDS: Final = 0.1
MERGE_DELAY: Final = 10 * SECOND
_LOG: Final = get_logger("inbox")


class Inbox:
    """Receives, checks and keeps notifications."""

    def __init__(
        self,
        agency: str,
        hub: Identity,
        store: InboxStore,
        rows: RowStore,
        port: HubPort,
        keys: Mapping[bytes, SealingKey],
        peers: Peers,
        clock: Clock,
        pause: float = ACKNOWLEDGE_SECONDS,
        promises: PromiseStore | None = None,
    ) -> None:
        self._agency = agency
        self._hub = hub
        self._store = store
        self._rows = rows
        self._port = port
        self._keys = keys
        self._peers = peers
        self._clock = clock
        self._pause = pause
        self._promises = promises

    async def run(self, healthy: Healthy = quiet) -> None:
        """One stream, until the hub or a fault ends it.

        Raises:
            PasserelleError: `notification_gap`, `notification_invalid`, `hub_unreachable`, or what the port
                raises.
        """
        cursor = await asyncio.to_thread(self._store.cursor)
        acknowledgements: asyncio.Queue[int] = asyncio.Queue()
        if cursor:
            acknowledgements.put_nowait(cursor)
        stream = self._port.notifications(cursor, newest(acknowledgements, self._pause))
        try:
            async for item in stream:
                cursor = await asyncio.to_thread(self._take, item, cursor)
                acknowledgements.put_nowait(cursor)  # (6)
                await healthy()
        finally:
            await close_stream(stream)
        raise PasserelleError("hub_unreachable", "the hub ended the stream")

    def _take(self, item: SealedNotification, cursor: int) -> int:
        """Steps 1 to 5; returns the cursor after it."""
        if item.sequence <= cursor:  # (1)
            return cursor
        if item.sequence != cursor + 1:
            raise PasserelleError("notification_gap", f"{item.sequence} after {cursor}")
        signed, notification = self._opened(item)
        if self._promises is not None:
            self._promises.owe([self._promise(item, signed, notification)])
        self._store.add(item.sequence, notification.notification_id, signed, self._clock.now())  # (5)
        _LOG.info("notification.stored", sequence=item.sequence)
        return item.sequence

    def _promise(self, item: SealedNotification, signed: Signed, note: Notification) -> Promise:
        """That the log holds this very notification (`log_watch` asks for the proof)."""
        fields = notified(
            self._agency,
            item.sequence,
            note.link_id,
            note.created,
            note.decision_id,
            item.key_id,
            item.sealed,
        )
        digest = row_digest("notification", fields)
        name = names.notification(self._agency, item.sequence)
        return Promise(name, NOTIFICATION, self._clock.now() + MERGE_DELAY, digest, encode_signed(signed))

    def _opened(self, item: SealedNotification) -> tuple[Signed, Notification]:
        key = self._keys.get(item.key_id)
        if key is None:
            raise PasserelleError("notification_invalid", f"number {item.sequence}: no such sealing key")
        try:
            signed = open_notification(key, str(self._hub), self._agency, item.sequence, item.sealed)  # (2)
            raw = self._peers.verify_hub(signed, NOTIFICATION_TYPE, self._clock.now())  # (3)
            notification = decode_notification(raw)
        except PasserelleError as error:
            raise PasserelleError("notification_invalid", f"number {item.sequence}: {error.code}") from error
        if notification.recipient != self._agency:  # (4)
            raise PasserelleError("notification_invalid", f"number {item.sequence}: another recipient")
        if before := self._store.number_of(notification.notification_id):
            raise PasserelleError("notification_invalid", f"number {item.sequence}: number {before} again")
        own = set(notification.own_records)
        none_due = not own and notification.visibility == DIRECTOR
        if not none_due and (not own or set(self._rows.by_record(sorted(own))) != own):
            raise PasserelleError(
                "notification_invalid", f"number {item.sequence}: a record that is not ours"
            )
        return signed, notification


async def newest(numbers: asyncio.Queue[int], pause: float) -> AsyncIterator[int]:
    """(6) The newest of the rising numbers that came since the last one, at most every `pause` seconds."""
    while True:
        number = await numbers.get()
        await asyncio.sleep(pause)
        while not numbers.empty():
            number = numbers.get_nowait()
        yield number
