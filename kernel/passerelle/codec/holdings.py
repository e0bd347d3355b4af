"""Questions and answers of a reconciliation, between the wire and `passerelle.holdings`."""

from __future__ import annotations

from collections.abc import Sequence

from google.protobuf.message import DecodeError

from passerelle.codec.signed import hashes_in
from passerelle.errors import PasserelleError
from passerelle.holdings import (
    BUCKETS,
    MAX_COMMON,
    MAX_LISTED,
    NONCE_BYTES,
    Comparison,
    Holding,
    HoldingsDigest,
    HoldingsList,
    HoldingState,
    Selection,
    Summary,
    TooCommon,
)
from passerelle.record import DIGEST_BYTES, ID_BYTES, Position
from passerelle.wire.v1 import exchange_pb2, record_pb2


def question_out(question: Comparison | Selection) -> exchange_pb2.ReconcileRequest:
    """A question as its wire message."""
    if isinstance(question, Comparison):
        claim = exchange_pb2.HoldingsClaim(
            next_sequence=question.next_sequence,
            count=question.summary.count,
            buckets=b"".join(question.summary.buckets),
        )
        return exchange_pb2.ReconcileRequest(nonce=question.nonce, compare=claim)
    chosen = exchange_pb2.HoldingsSelection(buckets=question.buckets, after=question.after)
    return exchange_pb2.ReconcileRequest(nonce=question.nonce, list=chosen)


def question_in(message: exchange_pb2.ReconcileRequest) -> Comparison | Selection:
    """A well-formed question from its wire message.

    Raises:
        PasserelleError: `message_malformed`.
    """
    if len(message.nonce) != NONCE_BYTES:
        raise PasserelleError("message_malformed", "a nonce of the wrong length")
    kind = message.WhichOneof("question")
    if kind == "compare":
        claim = message.compare
        summary = _summary(claim.count, claim.buckets)
        return Comparison(message.nonce, claim.next_sequence, summary)
    if kind != "list":
        raise PasserelleError("message_malformed", "no question")
    buckets, after = message.list.buckets, message.list.after
    if not buckets or list(buckets) != sorted(set(buckets)) or len(after) not in (0, ID_BYTES):
        raise PasserelleError("message_malformed", "buckets or record id of a selection")
    return Selection(message.nonce, buckets, after)


def encode_digest(answer: HoldingsDigest) -> bytes:
    """The bytes the hub signs in answer to a comparison."""
    return record_pb2.HoldingsDigest(
        hub=answer.hub,
        agency=answer.agency,
        nonce=answer.nonce,
        next_sequence=answer.position.next_sequence,
        previous=answer.position.previous,
        count=answer.summary.count,
        buckets=b"".join(answer.summary.buckets),
        taken=answer.taken,
        common_records=b"".join(one.record_id for one in answer.common),
        common_kinds=[one.kind_id for one in answer.common],
    ).SerializeToString(deterministic=True)


def decode_digest(raw: bytes) -> HoldingsDigest:
    """Read an answer whose signature was verified before.

    Raises:
        PasserelleError: `message_malformed`.
    """
    try:
        message = record_pb2.HoldingsDigest.FromString(raw)
    except DecodeError as error:
        raise PasserelleError("message_malformed", "no digest of holdings") from error
    return HoldingsDigest(
        hub=message.hub,
        agency=message.agency,
        nonce=message.nonce,
        position=_position(message.next_sequence, message.previous),
        summary=_summary(message.count, message.buckets),
        taken=message.taken,
        common=_common(message.common_records, message.common_kinds),
    )


def encode_list(answer: HoldingsList) -> bytes:
    """The bytes the hub signs in answer to a selection."""
    return record_pb2.HoldingsList(
        hub=answer.hub,
        agency=answer.agency,
        nonce=answer.nonce,
        next_sequence=answer.position.next_sequence,
        previous=answer.position.previous,
        record_ids=b"".join(one.record_id for one in answer.records),
        revisions=[one.revision for one in answer.records],
        states=bytes(one.state for one in answer.records),
        more=answer.more,
        taken=answer.taken,
    ).SerializeToString(deterministic=True)


def decode_list(raw: bytes) -> HoldingsList:
    """Read an answer whose signature was verified before; its records ascend by id.

    Raises:
        PasserelleError: `message_malformed`.
    """
    try:
        message = record_pb2.HoldingsList.FromString(raw)
        states = [HoldingState(state) for state in message.states]
    except (DecodeError, ValueError) as error:
        raise PasserelleError("message_malformed", "no list of holdings") from error
    packed, count = message.record_ids, len(states)
    if len(packed) != count * ID_BYTES or len(message.revisions) != count or count > MAX_LISTED:
        raise PasserelleError("message_malformed", "columns of a list of holdings")
    ids = [packed[at : at + ID_BYTES] for at in range(0, len(packed), ID_BYTES)]
    if ids != sorted(set(ids)) or (message.more and not ids):
        raise PasserelleError("message_malformed", "a list of holdings out of order")
    columns = zip(ids, message.revisions, states, strict=True)
    return HoldingsList(
        hub=message.hub,
        agency=message.agency,
        nonce=message.nonce,
        position=_position(message.next_sequence, message.previous),
        records=tuple(Holding(*columns_of_one) for columns_of_one in columns),
        more=message.more,
        taken=message.taken,
    )


def _summary(count: int, packed: bytes) -> Summary:
    buckets = hashes_in(packed)
    if len(buckets) != BUCKETS:
        raise PasserelleError("message_malformed", f"{len(buckets)} buckets")
    return Summary(count, buckets)


def _common(packed: bytes, kinds: Sequence[int]) -> tuple[TooCommon, ...]:
    if len(packed) != ID_BYTES * len(kinds) or len(kinds) > MAX_COMMON:
        raise PasserelleError("message_malformed", "columns of what is too common")
    ids = (packed[at : at + ID_BYTES] for at in range(0, len(packed), ID_BYTES))
    return tuple(TooCommon(record_id, kind) for record_id, kind in zip(ids, kinds, strict=True))


def _position(next_sequence: int, previous: bytes) -> Position:
    if len(previous) != DIGEST_BYTES:
        raise PasserelleError("message_malformed", "a digest of the wrong length")
    return Position(next_sequence, previous)
