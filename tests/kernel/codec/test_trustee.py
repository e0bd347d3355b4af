"""Messages of connector and trustee between wire and domain."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerelle.codec.trustee import (
    description_in,
    description_out,
    evaluate_answer_in,
    evaluate_answer_out,
    evaluate_refusal_out,
    evaluate_request_in,
    evaluate_request_out,
)
from passerelle.errors import PasserelleError
from passerelle.groups import Group
from passerelle.oprf.group import ristretto255
from passerelle.oprf.keys import deal
from passerelle.oprf.protocol import EvaluateAnswer, EvaluateRequest, TrusteeDescription
from passerelle.wire.v1 import trustee_pb2 as pb

REQUEST = EvaluateRequest(b"r" * 16, "ter", Group.PHONE, 1, 1, (1, 3), bytes(64))
ANSWER = EvaluateAnswer(b"r" * 16, 1, 1, bytes(64), bytes(64))


def test_request_and_answer_survive_the_wire() -> None:
    assert evaluate_request_in(evaluate_request_out(REQUEST)) == REQUEST
    assert evaluate_answer_in(evaluate_answer_out(ANSWER)) == ANSWER


@pytest.mark.parametrize(("said", "raised"), [("quorum_invalid", "quorum_invalid"), ("new", "peer_fault")])
def test_a_refusal_keeps_its_code_where_it_is_known(said: str, raised: str) -> None:
    with pytest.raises(PasserelleError) as caught:
        evaluate_answer_in(pb.EvaluateResponse(error_code=said))
    assert caught.value.code == raised


def test_a_refusal_on_the_wire_is_its_code_alone() -> None:
    message = evaluate_refusal_out(b"id", PasserelleError("quorum_invalid", "private"))
    assert message == pb.EvaluateResponse(request_id=b"id", error_code="quorum_invalid")


@given(
    st.builds(
        pb.EvaluateRequest,
        request_id=st.binary(max_size=17),
        domain=st.text(max_size=5),
        group=st.sampled_from(["", "phone", "no such group"]),
        epoch=st.integers(0, 2**32 - 1),
        generation=st.integers(0, 2**32 - 1),
        quorum=st.lists(st.integers(0, 2**32 - 1), max_size=4),
        elements=st.binary(max_size=65),
    )
)
def test_any_request_is_well_formed_or_refused_with_a_code(message: pb.EvaluateRequest) -> None:
    try:
        assert evaluate_request_in(message).count > 0
    except PasserelleError as error:
        assert error.code in {"evaluate_request_invalid", "evaluate_request_too_large", "quorum_invalid"}


def test_a_description_survives_the_wire_and_nonsense_is_refused() -> None:
    dealt = deal("ter", Group.PHONE, 1, 1, 2, ristretto255().random_scalars(2), 3)
    said = TrusteeDescription(1, (dealt.info,))
    assert description_in(description_out(said)) == said
    for document in ("", "{}", "[]", "null", '{"domain": 1}'):
        with pytest.raises(PasserelleError) as caught:
            description_in(pb.DescribeTrusteeResponse(index=1, key_documents=[document]))
        assert caught.value.code == "group_key_invalid"
