"""Proofs of events between the wire and the domain."""

from __future__ import annotations

from passerelle.codec.signed import proof_in, proof_out
from passerelle.errors import PasserelleError
from passerelle.log_proof import EventProof
from passerelle.record import DIGEST_BYTES
from passerelle.wire.v1 import common_pb2 as pb


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
