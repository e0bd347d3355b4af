"""Notifications between their exact signed bytes and the domain."""

from __future__ import annotations

from functools import lru_cache

from google.protobuf.message import DecodeError

from passerelle.errors import PasserelleError
from passerelle.notification import (
    MAX_OWN_RECORDS,
    Agreement,
    Band,
    LinkState,
    Notification,
    NotificationKind,
    Relation,
)
from passerelle.record import ID_BYTES
from passerelle.wire.v1 import record_pb2 as pb


def encode_notification(note: Notification) -> bytes:
    """The bytes the hub signs as a notification."""
    message = pb.Notification(
        notification_id=note.notification_id,
        link_id=note.link_id,
        recipient=note.recipient,
        created=note.created,
        own_records=note.own_records,
        counterpart=note.counterpart,
        visibility=note.visibility,
        relation=note.relation.value,
        band=note.band.value,
        state=note.state.value,
        odds=note.odds,
        handling=note.handling,
        urgency=note.urgency,
        legal_basis=note.legal_basis,
        decision_id=note.decision_id,
        policy_revision=note.policy_revision,
        weights=note.weights,
        threat_level=note.threat_level,
        deadline=note.deadline,
        contact=note.contact,
        expiry=note.expiry,
        kind="" if note.kind is NotificationKind.LINK else note.kind.value,
        agencies=note.agencies,
        verdict=note.verdict,
    )
    message.MergeFrom(_lists(note.agreements, note.purposes, note.actions, note.obligations))
    return message.SerializeToString(deterministic=True)


@lru_cache(maxsize=1024)  # thousands of notifications have some lists in common
def _lists(
    agreements: tuple[Agreement, ...],
    purposes: tuple[str, ...],
    actions: tuple[str, ...],
    obligations: tuple[str, ...],
) -> pb.Notification:
    """The lists of a notification; never changed once made."""
    stated = [pb.Agreement(field=row.field, level=row.level, bits=row.bits) for row in agreements]
    return pb.Notification(agreements=stated, purposes=purposes, actions=actions, obligations=obligations)


def decode_notification(raw: bytes) -> Notification:
    """Read a notification whose signature was verified before.

    Raises:
        PasserelleError: `notification_invalid`.
    """
    try:
        message = pb.Notification.FromString(raw)
        relation, band = Relation(message.relation), Band(message.band)
        state, kind = LinkState(message.state), NotificationKind(message.kind or NotificationKind.LINK)
    except (DecodeError, ValueError) as error:
        raise PasserelleError("notification_invalid", "not a notification") from error
    if len(message.own_records) > MAX_OWN_RECORDS:
        raise PasserelleError("notification_invalid", f"{len(message.own_records)} records")
    ids = (message.notification_id, message.link_id, *message.own_records)
    if any(len(item) != ID_BYTES for item in ids):
        raise PasserelleError("notification_invalid", "an id of the wrong length")
    return Notification(
        notification_id=message.notification_id,
        link_id=message.link_id,
        recipient=message.recipient,
        created=message.created,
        own_records=tuple(message.own_records),
        counterpart=message.counterpart,
        visibility=message.visibility,
        relation=relation,
        band=band,
        state=state,
        agreements=tuple(Agreement(row.field, row.level, row.bits) for row in message.agreements),
        odds=message.odds,
        handling=message.handling,
        urgency=message.urgency,
        purposes=tuple(message.purposes),
        legal_basis=message.legal_basis,
        actions=tuple(message.actions),
        obligations=tuple(message.obligations),
        decision_id=message.decision_id,
        policy_revision=message.policy_revision,
        weights=message.weights,
        threat_level=message.threat_level,
        deadline=message.deadline,
        contact=message.contact,
        expiry=message.expiry,
        kind=kind,
        agencies=message.agencies,
        verdict=message.verdict,
    )
