"""Questions and answers of a preview, between the wire and `passerelle.foresight`."""

from __future__ import annotations

from google.protobuf.message import DecodeError

from passerelle.codec.header import decode_marking, encode_marking
from passerelle.errors import PasserelleError
from passerelle.foresight import MAX_MARKING, MAX_TIERS, Foresight, Imagined, Learned
from passerelle.groups import EntityKind
from passerelle.wire.v1 import preview_pb2, record_pb2

_ENTITIES = {
    record_pb2.ENTITY_KIND_PERSON: EntityKind.PERSON,
    record_pb2.ENTITY_KIND_ORGANISATION: EntityKind.ORGANISATION,
    record_pb2.ENTITY_KIND_MEANS: EntityKind.MEANS,
}
_ENTITIES_OUT = {kind: number for number, kind in _ENTITIES.items()}


def imagined_out(imagined: Imagined) -> preview_pb2.WhoWouldLearnRequest:
    """A question as its wire message."""
    return preview_pb2.WhoWouldLearnRequest(
        domain=imagined.domain,
        entity=_ENTITIES_OUT[imagined.entity],
        marking=encode_marking(imagined.marking),
        tiers=imagined.tiers,
        language=imagined.language,
    )


def imagined_in(message: preview_pb2.WhoWouldLearnRequest) -> Imagined:
    """A well-formed question from its wire message.

    Raises:
        PasserelleError: `message_malformed`, `marking_invalid`.
    """
    if (
        message.entity not in _ENTITIES
        or len(message.tiers) > MAX_TIERS
        or len(message.marking) > MAX_MARKING
    ):
        raise PasserelleError("message_malformed", "no such entity, or too much of something")
    try:
        marking = decode_marking(message.marking)
    except DecodeError as error:
        raise PasserelleError("message_malformed", "no marking") from error
    return Imagined(
        domain=message.domain,
        entity=_ENTITIES[message.entity],
        marking=marking,
        tiers=tuple(sorted(set(message.tiers))),
        language=message.language or "en",
    )


def foresight_out(foresight: Foresight) -> preview_pb2.WhoWouldLearnResponse:
    """An answer as its wire message."""
    return preview_pb2.WhoWouldLearnResponse(
        taken=foresight.taken,
        refusals=foresight.refusals,
        learned=[
            preview_pb2.Learned(
                counterpart=one.counterpart,
                evidence=one.evidence,
                agencies=one.agencies,
                visibility=one.visibility,
                named=one.named,
                conditions=one.conditions,
                withheld=one.withheld,
                reasons=one.reasons,
            )
            for one in foresight.learned
        ],
        policy_revision=foresight.policy_revision,
        data_revision=foresight.data_revision,
    )


def foresight_in(message: preview_pb2.WhoWouldLearnResponse) -> Foresight:
    """An answer from its wire message."""
    return Foresight(
        taken=message.taken,
        refusals=tuple(message.refusals),
        learned=tuple(
            Learned(
                counterpart=one.counterpart,
                evidence=one.evidence,
                agencies=one.agencies,
                visibility=one.visibility,
                named=one.named,
                conditions=tuple(one.conditions),
                withheld=tuple(one.withheld),
                reasons=tuple(one.reasons),
            )
            for one in message.learned
        ),
        policy_revision=message.policy_revision,
        data_revision=message.data_revision,
    )
