"""Judgements and receipts through their bytes, and bytes that are none."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerelle.codec.judgement import decode_judgement, decode_receipt, encode_judgement, encode_receipt
from passerelle.errors import PasserelleError
from passerelle.judgement import REASONS, STATES, Judgement, JudgementReceipt, Reason, Verdict
from passerelle.notification import LinkState
from passerelle.record import ENVELOPE_VERSION, SUITE
from passerelle.wire.v1 import judgement_pb2 as pb


def made(verdict: Verdict, reason: Reason) -> Judgement:
    return Judgement(
        audience="spiffe://hub.example/hub/exchange",
        agency="police",
        connector="spiffe://police.example/connector/police",
        judgement_id=os.urandom(16),
        created=7,
        link_id=os.urandom(16),
        verdict=verdict,
        reason=reason,
        purpose="counter_terrorism",
        legal_basis="be_ter_2024",
        case_reference="c-1",
        user="u-17",
        clearance=3,
    )


@pytest.mark.parametrize("verdict", Verdict)
def test_every_verdict_with_every_reason_that_fits(verdict: Verdict) -> None:
    for reason in Reason:
        judgement = made(verdict, reason)
        if reason in REASONS[verdict]:
            assert decode_judgement(encode_judgement(judgement)) == judgement
        else:
            with pytest.raises(PasserelleError, match="message_malformed"):
                decode_judgement(encode_judgement(judgement))


def test_every_verdict_is_a_state_and_has_reasons() -> None:
    assert STATES.keys() == REASONS.keys() == set(Verdict)
    assert frozenset(Reason) == frozenset[Reason]().union(*REASONS.values())


@pytest.mark.parametrize(
    "changes",
    [
        {"version": 9},
        {"suite": "none"},
        {"verdict": "guilty"},
        {"reason": "a hunch"},
        {"judgement_id": b"1"},
        {"link_id": b""},
        {"user": "u" * 129},
        {"case_reference": "a\0b"},
    ],
)
def test_what_is_no_judgement(changes: dict[str, str | bytes | int]) -> None:
    message = pb.JudgementStatement.FromString(encode_judgement(made(Verdict.REFUTED, Reason.FILE)))
    assert (message.version, message.suite) == (ENVELOPE_VERSION, SUITE)
    for name, value in changes.items():
        setattr(message, name, value)
    with pytest.raises(PasserelleError, match="message_malformed"):
        decode_judgement(message.SerializeToString())


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    for read in (decode_judgement, decode_receipt):
        with pytest.raises(PasserelleError, match=r"message_malformed|judgement_receipt_invalid"):
            read(raw)


def receipt() -> JudgementReceipt:
    return JudgementReceipt(
        hub="spiffe://hub.example/hub/exchange",
        agency="police",
        judgement_id=os.urandom(16),
        statement=os.urandom(32),
        recorded=7,
        link_id=os.urandom(16),
        state=LinkState.CONFIRMED,
        verdict=Verdict.CONFIRMED_JUSTIFIED,
        decision_id="d",
        policy_revision="r",
        audit_event=os.urandom(32),
    )


def test_a_receipt_through_its_bytes() -> None:
    given_ = receipt()
    assert decode_receipt(encode_receipt(given_)) == given_


@pytest.mark.parametrize("changes", [{"state": "x"}, {"verdict": ""}, {"statement": b"1"}, {"link_id": b""}])
def test_what_is_no_receipt(changes: dict[str, str | bytes]) -> None:
    message = pb.JudgementReceipt.FromString(encode_receipt(receipt()))
    for name, value in changes.items():
        setattr(message, name, value)
    with pytest.raises(PasserelleError, match="judgement_receipt_invalid"):
        decode_receipt(message.SerializeToString())
