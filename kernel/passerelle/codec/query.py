"""Questions and answers of queries between their exact signed bytes and the domain."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from google.protobuf.message import DecodeError

from passerelle.errors import PasserelleError
from passerelle.groups import EntityKind
from passerelle.notification import Agreement, Band, Relation
from passerelle.query import ANSWER_BYTES, CHANNELS, MAX_HITS, MAX_TEXT, MAX_TOKENS, Answer, Hit, Question
from passerelle.record import DIGEST_BYTES, ENVELOPE_VERSION, ID_BYTES, SUITE, TOKEN_BYTES
from passerelle.wire.v1 import query_pb2 as pb
from passerelle.wire.v1 import record_pb2

_ENTITIES: Final = {
    record_pb2.ENTITY_KIND_PERSON: EntityKind.PERSON,
    record_pb2.ENTITY_KIND_ORGANISATION: EntityKind.ORGANISATION,
    record_pb2.ENTITY_KIND_MEANS: EntityKind.MEANS,
}
_ENTITIES_OUT: Final = {kind: number for number, kind in _ENTITIES.items()}
_FRAME: Final = 4
"""Bytes of the padding's own tag and length, as long as it has 128 bytes or more."""
_LEAST: Final = 128
_TEXTS: Final = (
    "audience", "agency", "connector", "domain", "normaliser", "catalogue", "purpose", "legal_basis",
    "case_reference", "user", "channel", "age_band", "subject_category",
)  # fmt: skip


def encode_question(question: Question) -> bytes:
    """The bytes an agency signs."""
    return pb.Question(
        version=ENVELOPE_VERSION,
        suite=SUITE,
        **{name: getattr(question, name) for name in _TEXTS},
        query_id=question.query_id,
        created=question.created,
        epoch=question.epoch,
        clearance=question.clearance,
        entity=_ENTITIES_OUT[question.entity],
        special_categories=question.special_categories,
        kinds=question.kinds,
        tokens=question.tokens,
    ).SerializeToString(deterministic=True)


def decode_question(raw: bytes) -> Question:
    """Read a question whose signature was verified before.

    Raises:
        PasserelleError: `message_malformed`.
    """
    try:
        message = pb.Question.FromString(raw)
    except DecodeError as error:
        raise PasserelleError("message_malformed", "not a question") from error
    if message.version != ENVELOPE_VERSION or message.suite != SUITE:
        raise PasserelleError("message_malformed", f"question of version {message.version}")
    texts: dict[str, str] = {name: getattr(message, name) for name in _TEXTS}
    long = any(
        len(text) > MAX_TEXT or "\0" in text for text in (*texts.values(), *message.special_categories)
    )
    tokens = len(message.kinds)
    if long or not 0 < tokens <= MAX_TOKENS or len(message.tokens) != tokens * TOKEN_BYTES:
        raise PasserelleError("message_malformed", f"{tokens} tokens, or a text too long")
    if (
        message.entity not in _ENTITIES
        or texts["channel"] not in CHANNELS
        or len(message.query_id) != ID_BYTES
    ):
        raise PasserelleError("message_malformed", "no such entity or channel, or an id of the wrong length")
    if len(message.special_categories) > MAX_HITS:
        raise PasserelleError("message_malformed", f"{len(message.special_categories)} special categories")
    return Question(
        **texts,
        query_id=message.query_id,
        created=message.created,
        epoch=message.epoch,
        clearance=message.clearance,
        entity=_ENTITIES[message.entity],
        special_categories=tuple(message.special_categories),
        kinds=tuple(message.kinds),
        tokens=message.tokens,
    )


def encode_answer(answer: Answer) -> bytes:
    """The bytes the hub signs: `ANSWER_BYTES`, with as many of the hits as fit.

    Raises:
        ValueError: not even an answer without hits fits.
    """
    message = _message(answer)
    room = ANSWER_BYTES - _FRAME - message.ByteSize()
    if room < _LEAST:
        if not answer.hits:
            raise ValueError("an answer without hits that does not fit")
        return encode_answer(replace(answer, hits=answer.hits[:-1], more=True))
    message.padding = bytes(room)
    return message.SerializeToString(deterministic=True)


def decode_answer(raw: bytes) -> Answer:
    """Read an answer whose signature was verified before.

    Raises:
        PasserelleError: `query_answer_invalid`.
    """
    try:
        message = pb.Answer.FromString(raw)
        hits = tuple(_hit(one) for one in message.hits)
    except (DecodeError, ValueError) as error:
        raise PasserelleError("query_answer_invalid", "not an answer") from error
    sizes = (len(message.query_id), len(message.question), len(message.audit_event))
    if len(raw) != ANSWER_BYTES or len(hits) > MAX_HITS or sizes != (ID_BYTES, DIGEST_BYTES, DIGEST_BYTES):
        raise PasserelleError("query_answer_invalid", f"{len(raw)} bytes, {len(hits)} hits")
    return Answer(
        hub=message.hub,
        agency=message.agency,
        query_id=message.query_id,
        question=message.question,
        answered=message.answered,
        hits=hits,
        more=message.more,
        decision_id=message.decision_id,
        policy_revision=message.policy_revision,
        weights=message.weights,
        audit_event=message.audit_event,
    )


def _message(answer: Answer) -> pb.Answer:
    return pb.Answer(
        hub=answer.hub,
        agency=answer.agency,
        query_id=answer.query_id,
        question=answer.question,
        answered=answer.answered,
        hits=[
            pb.Hit(
                counterpart=one.counterpart,
                visibility=one.visibility,
                relation=one.relation.value,
                band=one.band.value,
                agreements=[
                    record_pb2.Agreement(field=row.field, level=row.level, bits=row.bits)
                    for row in one.agreements
                ],
                handling=one.handling,
                obligations=one.obligations,
                decision_id=one.decision_id,
            )
            for one in answer.hits[:MAX_HITS]
        ],
        more=answer.more or len(answer.hits) > MAX_HITS,
        decision_id=answer.decision_id,
        policy_revision=answer.policy_revision,
        weights=answer.weights,
        audit_event=answer.audit_event,
    )


def _hit(one: pb.Hit) -> Hit:
    return Hit(
        counterpart=one.counterpart,
        visibility=one.visibility,
        relation=Relation(one.relation),
        band=Band(one.band),
        agreements=tuple(Agreement(row.field, row.level, row.bits) for row in one.agreements),
        handling=one.handling,
        obligations=tuple(one.obligations),
        decision_id=one.decision_id,
    )
