"""Proofs of events, queries and what they find, between the wire and the domain."""

from __future__ import annotations

from passerelle.audit.event import Event
from passerelle.audit.query import Found, Query
from passerelle.codec.signed import proof_in, proof_out
from passerelle.errors import PasserelleError
from passerelle.log_proof import EventProof
from passerelle.record import DIGEST_BYTES
from passerelle.wire.v1 import common_pb2 as pb
from passerelle.wire.v1 import transparency_pb2


def event_proof_out(proof: EventProof) -> pb.EventProof:
    """An event's proof as its wire message."""
    return pb.EventProof(
        kind=proof.kind,
        happened=proof.happened,
        subject=proof.subject,
        vouched=proof.vouched,
        inner=proof.inner,
        proof=proof_out(proof.proof),
    )


def query_out(query: Query) -> transparency_pb2.SearchRequest:
    """A query as its wire message."""
    return transparency_pb2.SearchRequest(
        purpose=query.purpose,
        kinds=query.kinds,
        actor=query.actor,
        since=query.since,
        until=query.until,
        after=query.after,
        limit=query.limit,
    )


def query_in(message: transparency_pb2.SearchRequest) -> Query:
    """A query from its wire message."""
    return Query(
        purpose=message.purpose,
        kinds=tuple(message.kinds),
        actor=message.actor,
        since=message.since,
        until=message.until,
        after=message.after,
        limit=message.limit,
    )


def found_out(found: Found) -> transparency_pb2.FoundEvent:
    """An event found, as its wire message."""
    event = found.event
    return transparency_pb2.FoundEvent(
        number=found.number,
        kind=event.kind,
        actor=event.actor,
        happened=event.happened,
        detail=event.detail,
        subject=event.subject,
        vouched=event.vouched,
        salt=event.salt,
        erased=event.erased,
        tick=found.tick,
    )


def found_in(message: transparency_pb2.FoundEvent) -> Found:
    """An event found, from its wire message; its commitment can be computed and proven."""
    event = Event(
        kind=message.kind,
        actor=message.actor,
        happened=message.happened,
        detail=message.detail,
        salt=message.salt,
        subject=message.subject,
        vouched=message.vouched,
        erased=message.erased,
    )
    return Found(message.number, message.tick, event)


def event_proof_in(message: pb.EventProof) -> EventProof:
    """An event's proof from its wire message; not yet verified.

    Raises:
        PasserelleError: `message_malformed`.
    """
    if len(message.inner) != DIGEST_BYTES or len(message.vouched) not in (0, DIGEST_BYTES):
        raise PasserelleError("message_malformed", "a digest of the wrong length")
    return EventProof(
        kind=message.kind,
        happened=message.happened,
        subject=message.subject,
        vouched=message.vouched,
        inner=message.inner,
        proof=proof_in(message.proof),
    )
