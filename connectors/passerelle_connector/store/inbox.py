"""Notifications as they arrived: signed bytes by sequence number."""

from __future__ import annotations

from sqlalchemy import func, insert, select

from passerelle.codec.signed import decode_signed, encode_signed
from passerelle.sign import Signed
from passerelle_connector.model import InboxItem
from passerelle_connector.store.database import Database
from passerelle_connector.store.tables import inbox


class InboxStore:
    """The agency's notifications, in the order of the hub's sequence without gaps."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def cursor(self) -> int:
        """The last sequence number stored; 0 before the first."""
        with self._database.read() as transaction:
            return transaction.scalar(select(func.max(inbox.c.sequence))) or 0

    def number_of(self, notification_id: bytes) -> int:
        """Under which number a notification is stored; 0 where it is not."""
        query = select(inbox.c.sequence).where(inbox.c.notification_id == notification_id)
        with self._database.read() as transaction:
            return transaction.scalar(query) or 0

    def add(self, sequence: int, notification_id: bytes, signed: Signed, at: int) -> None:
        """Store one notification. Failed and lost: it is not acknowledged, so the hub sends it again."""
        with self._database.write() as transaction:
            transaction.execute(
                insert(inbox).values(
                    sequence=sequence,
                    notification_id=notification_id,
                    signed=encode_signed(signed),
                    received=at,
                )
            )

    def items(self, after: int = 0, limit: int = 1_000) -> tuple[InboxItem, ...]:
        """Stored notifications after a sequence number, oldest first."""
        query = select(inbox).where(inbox.c.sequence > after).order_by(inbox.c.sequence).limit(limit)
        with self._database.read() as transaction:
            return tuple(
                InboxItem(row.sequence, decode_signed(row.signed), row.received)
                for row in transaction.execute(query)
            )
