"""What connectors and trustees say to each other, between the wire and `passerelle.oprf.protocol`."""

from __future__ import annotations

from passerelle.errors import PasserelleError, table
from passerelle.groups import Group
from passerelle.oprf.keys import GroupKeyInfo
from passerelle.oprf.protocol import EvaluateAnswer, EvaluateRequest, TrusteeDescription
from passerelle.wire.v1 import trustee_pb2 as pb


def evaluate_request_out(request: EvaluateRequest) -> pb.EvaluateRequest:
    """A request as its wire message."""
    return pb.EvaluateRequest(
        request_id=request.request_id,
        domain=request.domain,
        group=request.group.value,
        epoch=request.epoch,
        generation=request.generation,
        quorum=request.quorum,
        elements=request.elements,
    )


def evaluate_request_in(message: pb.EvaluateRequest) -> EvaluateRequest:
    """A well-formed request from its wire message; its elements are not yet decoded.

    Raises:
        PasserelleError: `evaluate_request_invalid`, `evaluate_request_too_large`, `quorum_invalid`.
    """
    try:
        group = Group(message.group)
    except ValueError as error:
        raise PasserelleError("evaluate_request_invalid", "no such identifier group") from error
    return EvaluateRequest(
        request_id=message.request_id,
        domain=message.domain,
        group=group,
        epoch=message.epoch,
        generation=message.generation,
        quorum=tuple(message.quorum),
        elements=message.elements,
    )


def evaluate_answer_out(answer: EvaluateAnswer) -> pb.EvaluateResponse:
    """An answer as its wire message."""
    return pb.EvaluateResponse(
        request_id=answer.request_id,
        index=answer.index,
        generation=answer.generation,
        elements=answer.elements,
        proof=answer.proof,
    )


def evaluate_refusal_out(request_id: bytes, refusal: PasserelleError) -> pb.EvaluateResponse:
    """The refusal of one request; the stream goes on. Only the code travels."""
    return pb.EvaluateResponse(request_id=request_id, error_code=refusal.code)


def evaluate_answer_in(message: pb.EvaluateResponse) -> EvaluateAnswer:
    """An answer from its wire message; not yet verified.

    Raises:
        PasserelleError: the trustee's own code where it refused, `peer_fault` for a code nobody knows;
            `trustee_answer_mismatched`.
    """
    if message.error_code:
        code = message.error_code if message.error_code in table() else "peer_fault"
        raise PasserelleError(code, "answered by the trustee")
    return EvaluateAnswer(
        request_id=message.request_id,
        index=message.index,
        generation=message.generation,
        elements=message.elements,
        proof=message.proof,
    )


def description_out(description: TrusteeDescription) -> pb.DescribeTrusteeResponse:
    """What a trustee says of itself, as its wire message."""
    return pb.DescribeTrusteeResponse(
        index=description.index, key_documents=[key.to_json() for key in description.keys]
    )


def description_in(message: pb.DescribeTrusteeResponse) -> TrusteeDescription:
    """What a trustee says of itself; good for comparing with pinned keys, never for pinning.

    Raises:
        PasserelleError: `group_key_invalid`.
    """
    keys = tuple(GroupKeyInfo.from_json(document) for document in message.key_documents)
    return TrusteeDescription(message.index, keys)
