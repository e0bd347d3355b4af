"""Judgements and their receipts between their exact signed bytes and the domain."""

from __future__ import annotations

from typing import Final

from google.protobuf.message import DecodeError

from passerelle.errors import PasserelleError
from passerelle.judgement import MAX_TEXT, REASONS, Judgement, JudgementReceipt, Reason, Verdict
from passerelle.notification import LinkState
from passerelle.record import DIGEST_BYTES, ENVELOPE_VERSION, ID_BYTES, SUITE
from passerelle.wire.v1 import judgement_pb2 as pb

_TEXTS: Final = ("audience", "agency", "connector", "purpose", "legal_basis", "case_reference", "user")


def encode_judgement(judgement: Judgement) -> bytes:
    """The bytes an agency signs."""
    return pb.JudgementStatement(
        version=ENVELOPE_VERSION,
        suite=SUITE,
        **{name: getattr(judgement, name) for name in _TEXTS},
        judgement_id=judgement.judgement_id,
        created=judgement.created,
        link_id=judgement.link_id,
        verdict=judgement.verdict.value,
        reason=judgement.reason.value,
        clearance=judgement.clearance,
    ).SerializeToString(deterministic=True)


def decode_judgement(raw: bytes) -> Judgement:
    """Read a judgement whose signature was verified before.

    Raises:
        PasserelleError: `message_malformed`.
    """
    try:
        message = pb.JudgementStatement.FromString(raw)
        verdict, reason = Verdict(message.verdict), Reason(message.reason)
    except (DecodeError, ValueError) as error:
        raise PasserelleError("message_malformed", "not a judgement") from error
    if message.version != ENVELOPE_VERSION or message.suite != SUITE:
        raise PasserelleError("message_malformed", f"judgement of version {message.version}")
    texts: dict[str, str] = {name: getattr(message, name) for name in _TEXTS}
    if any(len(text) > MAX_TEXT or "\0" in text for text in texts.values()):
        raise PasserelleError("message_malformed", "a text too long")
    if reason not in REASONS[verdict] or {len(message.judgement_id), len(message.link_id)} != {ID_BYTES}:
        raise PasserelleError(
            "message_malformed", "a reason of another verdict, or an id of the wrong length"
        )
    return Judgement(
        **texts,
        judgement_id=message.judgement_id,
        created=message.created,
        link_id=message.link_id,
        verdict=verdict,
        reason=reason,
        clearance=message.clearance,
    )


def encode_receipt(receipt: JudgementReceipt) -> bytes:
    """The bytes the hub signs."""
    return pb.JudgementReceipt(
        hub=receipt.hub,
        agency=receipt.agency,
        judgement_id=receipt.judgement_id,
        statement=receipt.statement,
        recorded=receipt.recorded,
        link_id=receipt.link_id,
        state=receipt.state.value,
        verdict=receipt.verdict.value,
        decision_id=receipt.decision_id,
        policy_revision=receipt.policy_revision,
        audit_event=receipt.audit_event,
    ).SerializeToString(deterministic=True)


def decode_receipt(raw: bytes) -> JudgementReceipt:
    """Read a receipt whose signature was verified before.

    Raises:
        PasserelleError: `judgement_receipt_invalid`.
    """
    try:
        message = pb.JudgementReceipt.FromString(raw)
        state, verdict = LinkState(message.state), Verdict(message.verdict)
    except (DecodeError, ValueError) as error:
        raise PasserelleError("judgement_receipt_invalid", "not a receipt") from error
    sizes = [
        len(item) for item in (message.judgement_id, message.link_id, message.statement, message.audit_event)
    ]
    if sizes != [ID_BYTES, ID_BYTES, DIGEST_BYTES, DIGEST_BYTES]:
        raise PasserelleError("judgement_receipt_invalid", f"lengths {sizes}")
    return JudgementReceipt(
        hub=message.hub,
        agency=message.agency,
        judgement_id=message.judgement_id,
        statement=message.statement,
        recorded=message.recorded,
        link_id=message.link_id,
        state=state,
        verdict=verdict,
        decision_id=message.decision_id,
        policy_revision=message.policy_revision,
        audit_event=message.audit_event,
    )
