"""The last step of telling: notifications are signed, numbered, sealed, audited and stored.

Numbers are taken late, after all is signed, and in the order of the agencies' names, so that transactions
side by side cannot wait for each other in a circle. One signature and one sealed key for all that an agency
gets in one transaction: it may count them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final, NamedTuple

from passerelle.codec.notification import encode_notification
from passerelle.identity import Identity
from passerelle.notification import Notification
from passerelle.notification_seal import seal_notifications
from passerelle.record import NOTIFICATION_TYPE
from passerelle.seal import SealingPublicKey
from passerelle.sign import Signed, SigningKey, sign_many
from passerelle_hub.audit import Audit, EventKind, Note
from passerelle_hub.logbook import vouch
from passerelle_hub.store import Transaction, notifications
from passerelle_hub.store.notifications import StoredNotification

ACTOR: Final = "hub/notify"


class Parcel(NamedTuple):
    """What one agency is told in one transaction: notifications, each with its link (by key).

    One without a link is about a query.
    """

    agency: str
    sealing: SealingPublicKey
    told: Sequence[tuple[Notification, int | None]]


class Post:
    """Sends what agencies are told, inside the caller's transaction."""

    def __init__(self, hub: Identity, audit: Audit, key: SigningKey) -> None:
        self._hub = hub
        self._audit = audit
        self._key = key

    def send(self, tx: Transaction, parcels: Sequence[Parcel]) -> None:
        """Write parcels, at most one for each agency."""
        signed = [self._signed(parcel) for parcel in parcels]
        numbers = notifications.next_sequences(tx, {parcel.agency: len(parcel.told) for parcel in parcels})
        written: list[tuple[StoredNotification, Note]] = []
        for (agency, sealing, told), some in zip(parcels, signed, strict=True):
            by_number = dict(zip(numbers[agency], some, strict=True))
            sealed = seal_notifications(sealing, str(self._hub), agency, by_number)
            for (note, link_pk), (number, one) in zip(told, by_number.items(), strict=True):
                row = StoredNotification(
                    agency=agency,
                    sequence=number,
                    link_pk=link_pk,
                    created=note.created,
                    decision=note.decision_id,
                    key_id=sealing.key_id,
                    sealed=sealed[number],
                    about=note.link_id if link_pk is None else None,
                )
                written.append((row, _written(row, note, one.payload)))
        self._audit.append_many(tx, ACTOR, [note for _, note in written])
        notifications.put(tx, [row for row, _ in written])

    def _signed(self, parcel: Parcel) -> tuple[Signed, ...]:
        payloads = [encode_notification(note) for note, _ in parcel.told]
        return sign_many(self._key, NOTIFICATION_TYPE, payloads)


def _written(row: StoredNotification, note: Notification, payload: bytes) -> Note:
    detail = {
        "agency": row.agency,
        "link": note.link_id.hex(),
        "content": hashlib.sha256(payload).hexdigest(),
        "decision": row.decision,
    }
    return Note(EventKind.NOTIFICATION_WRITTEN, detail, vouch.notification(row, note.link_id))
