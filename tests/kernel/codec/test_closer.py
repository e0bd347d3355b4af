"""Questions and answers of a closer look go over the wire and back, and are checked on arrival."""

from __future__ import annotations

import pytest

from passerelle.closer import Answer, Question, piece_value
from passerelle.codec.closer import (
    answer_in,
    answer_out,
    decode_answer,
    encode_answer,
    questions_in,
    questions_out,
)
from passerelle.errors import PasserelleError
from passerelle.wire.v1 import closer_pb2 as pb

NONCE = bytes(range(16))
TOKENS = (bytes(16), bytes(15) + b"\1")


def test_there_and_back() -> None:
    question = Question(NONCE, bytes(16), 3)
    assert questions_in(questions_out([question])) == (question,)
    answer = Answer(NONCE, {"birth": TOKENS, "given": TOKENS[:1]})
    assert answer_in(answer_out(answer)) == answer
    assert decode_answer(encode_answer(answer)) == answer
    assert answer.tokens == 3


@pytest.mark.parametrize(
    "field",
    [
        pb.CloserField(name="sex", tokens=bytes(16)),
        pb.CloserField(name="given", tokens=bytes(15)),
        pb.CloserField(name="given", tokens=bytes(32)),
        pb.CloserField(name="given", tokens=b""),
        pb.CloserField(name="given", tokens=bytes(range(256)) * 2),
    ],
)
def test_a_malformed_answer_is_refused(field: pb.CloserField) -> None:
    with pytest.raises(PasserelleError, match="closer_answer_invalid"):
        answer_in(pb.CloserAnswerRequest(nonce=NONCE, fields=[field]))


def test_a_field_twice_and_a_short_nonce_are_refused() -> None:
    field = pb.CloserField(name="given", tokens=bytes(16))
    for message in (
        pb.CloserAnswerRequest(nonce=NONCE, fields=[field, field]),
        pb.CloserAnswerRequest(nonce=b"short", fields=[field]),
    ):
        with pytest.raises(PasserelleError, match="closer_answer_invalid"):
            answer_in(message)


def test_a_malformed_question_is_refused() -> None:
    for question in (pb.CloserQuestion(nonce=NONCE, record_id=b"x", revision=1), pb.CloserQuestion()):
        with pytest.raises(PasserelleError, match="closer_question_invalid"):
            questions_in(pb.CloserQuestionsResponse(questions=[question]))


def test_a_piece_is_another_under_another_nonce_or_field() -> None:
    values = {
        piece_value(nonce, field, "ab") for nonce in (NONCE, bytes(16)) for field in ("given", "surname")
    }
    assert len(values) == 4
