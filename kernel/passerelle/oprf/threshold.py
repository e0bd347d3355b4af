"""The threshold protocol: any t of n trustees evaluate together, and each proves its part.

(1) the connector blinds a batch (`voprf.blind`) and asks every trustee of a quorum, naming domain, group,
    epoch, share generation and the quorum itself (`request`);
(2) trustee i multiplies by λ_i·k_i, where λ_i is its Lagrange factor in that quorum, and proves it against
    λ_i·Y_i (`evaluate`); everything the request names, and i, is in the transcript of the proof;
(3) the connector checks each answer on its own against the pinned public shares (`verify`); a failure names
    the trustee;
(4) answers of the whole quorum, of one request and one generation, add up to k·B (`combine`);
(5) unblinding and hashing give the outputs (`voprf.finalise`).

Promise: for every quorum the outputs are those of RFC 9497, mode VOPRF, under the single key k, or there is
an error. The types carry it: `combine` takes only what `verify` returned, and `finalise` needs what
`combine` returned.

Trustees applying λ_i spares the connector one multiplication for each element and trustee; the price is that
an answer serves one quorum only. All functions are pure apart from drawing blinds and nonces, and safe to
run in several threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from passerelle import canonical
from passerelle.errors import PasserelleError
from passerelle.oprf import dleq
from passerelle.oprf.group import IDENTITY, ristretto255, split
from passerelle.oprf.keys import GroupKeyInfo, KeyShare, check_quorum, effective_shares
from passerelle.oprf.protocol import EvaluateAnswer, EvaluateRequest
from passerelle.oprf.shamir import lagrange
from passerelle.oprf.voprf import BlindedBatch, blind, finalise

__all__ = [
    "BlindedBatch",
    "VerifiedAnswer",
    "blind",
    "check_addressed",
    "combine",
    "evaluate",
    "finalise",
    "request",
    "verify",
]


@dataclass(frozen=True, slots=True)
class VerifiedAnswer:
    """A trustee's part of one request, proved. Only `verify` makes one."""

    info: GroupKeyInfo
    request: EvaluateRequest
    index: int
    elements: bytes = field(repr=False)


def request(
    info: GroupKeyInfo, batch: BlindedBatch, quorum: tuple[int, ...], request_id: bytes
) -> EvaluateRequest:
    """Step (1): the request to every trustee of the quorum.

    Raises:
        PasserelleError: `quorum_invalid`, `evaluate_request_invalid`, `evaluate_request_too_large`.
    """
    return EvaluateRequest(
        request_id=request_id,
        domain=info.domain,
        group=info.group,
        epoch=info.epoch,
        generation=info.generation,
        quorum=check_quorum(info, quorum),
        elements=batch.elements,
    )


def evaluate(share: KeyShare, asked: EvaluateRequest) -> EvaluateAnswer:
    """Step (2), at the trustee, for a request that names this share.

    Raises:
        PasserelleError: `quorum_invalid`: not a quorum of this key, or this trustee is not in it;
            `share_unknown`, `share_generation_unknown`; `oprf_element_invalid`, naming the position.
    """
    check_addressed(share, asked)
    group = ristretto255()
    secret = group.scalar_multiply(lagrange(asked.quorum, share.index), share.secret)
    evaluated = group.multiply(secret, asked.elements)
    public = group.multiply_base(secret)
    proof = dleq.prove(secret, public, asked.elements, evaluated, _transcript(share.info, asked, share.index))
    return EvaluateAnswer(asked.request_id, share.index, share.info.generation, evaluated, proof)


def check_addressed(share: KeyShare, asked: EvaluateRequest) -> None:
    """The checks of step (2) alone, for a trustee that bills a request before it evaluates it.

    Raises:
        PasserelleError: `quorum_invalid`, `share_unknown`, `share_generation_unknown`, as in `evaluate`.
    """
    _check_names(share.info, asked)
    if share.index not in check_quorum(share.info, asked.quorum):
        raise PasserelleError("quorum_invalid", f"{share.info.label}: without trustee {share.index}")


def verify(info: GroupKeyInfo, asked: EvaluateRequest, answer: EvaluateAnswer) -> VerifiedAnswer:
    """Step (3), at the connector; every error's detail starts with the trustee's index.

    Raises:
        PasserelleError: `trustee_answer_mismatched`: another request, count or trustee;
            `share_generation_mixed`; `trustee_proof_invalid`; `share_unknown`, `share_generation_unknown`:
            the request is not for this key.
    """
    _check_names(info, asked)
    place = f"trustee {answer.index}"
    if answer.request_id != asked.request_id or answer.index not in asked.quorum:
        raise PasserelleError("trustee_answer_mismatched", f"{place}: another request, or not in the quorum")
    if answer.generation != info.generation:
        raise PasserelleError(
            "share_generation_mixed", f"{place}: generation {answer.generation} for {info.label}"
        )
    if len(answer.elements) != len(asked.elements):
        raise PasserelleError("trustee_answer_mismatched", f"{place}: another number of elements")
    public = effective_shares(info, asked.quorum)[asked.quorum.index(answer.index)]
    try:
        transcript = _transcript(info, asked, answer.index)
        proved = dleq.verify(public, asked.elements, answer.elements, answer.proof, transcript)
    except PasserelleError as error:
        raise PasserelleError("trustee_proof_invalid", f"{place}: {error.detail}") from error
    return VerifiedAnswer(info, asked, answer.index, proved)


def combine(answers: Sequence[VerifiedAnswer]) -> bytes:
    """Step (4): k times each blinded element, packed, in order.

    Raises:
        PasserelleError: `trustee_answer_mismatched`: not one answer of each trustee of one request's quorum.
    """
    if not answers:
        raise PasserelleError("trustee_answer_mismatched", "no answers")
    first = answers[0]
    if any(answer.request != first.request or answer.info != first.info for answer in answers):
        raise PasserelleError("trustee_answer_mismatched", "answers to different requests")
    if tuple(sorted(answer.index for answer in answers)) != first.request.quorum:
        raise PasserelleError("trustee_answer_mismatched", "not the whole quorum, or one trustee twice")
    group = ristretto255()
    total = first.elements
    for answer in answers[1:]:
        total = group.add(total, answer.elements)
    if IDENTITY in split(total):
        raise PasserelleError("oprf_element_invalid", "the answers cancel out")
    return total


def _check_names(info: GroupKeyInfo, asked: EvaluateRequest) -> None:
    """Refuse a request that is for another key or generation."""
    if (asked.domain, asked.group, asked.epoch) != (info.domain, info.group, info.epoch):
        raise PasserelleError("share_unknown", f"the request is not for {info.label}")
    if asked.generation != info.generation:
        raise PasserelleError("share_generation_unknown", f"generation {asked.generation} for {info.label}")


def _transcript(info: GroupKeyInfo, asked: EvaluateRequest, index: int) -> dleq.BoundTranscript:
    """What a trustee's proof is about, beside the elements."""
    return dleq.BoundTranscript(
        canonical.encode(
            "passerelle/oprf/threshold/1",
            info.domain,
            info.group,
            info.epoch,
            info.generation,
            info.threshold,
            info.public_key,
            asked.quorum,
            index,
        )
    )
