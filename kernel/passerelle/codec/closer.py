"""Questions and answers of a closer look, between the wire and `passerelle.closer`."""

from __future__ import annotations

from collections.abc import Iterable

from passerelle.closer import Answer, Question, check_question
from passerelle.errors import PasserelleError
from passerelle.record import TOKEN_BYTES
from passerelle.wire.v1 import closer_pb2 as pb


def questions_out(questions: Iterable[Question]) -> pb.CloserQuestionsResponse:
    """Questions as their wire message."""
    return pb.CloserQuestionsResponse(
        questions=[
            pb.CloserQuestion(nonce=one.nonce, record_id=one.record_id, revision=one.revision)
            for one in questions
        ]
    )


def questions_in(message: pb.CloserQuestionsResponse) -> tuple[Question, ...]:
    """Questions from their wire message.

    Raises:
        PasserelleError: `closer_question_invalid`.
    """
    return tuple(
        check_question(Question(one.nonce, one.record_id, one.revision)) for one in message.questions
    )


def answer_out(answer: Answer) -> pb.CloserAnswerRequest:
    """An answer as its wire message."""
    fields = [
        pb.CloserField(name=name, tokens=b"".join(tokens)) for name, tokens in sorted(answer.fields.items())
    ]
    return pb.CloserAnswerRequest(nonce=answer.nonce, fields=fields)


def answer_in(message: pb.CloserAnswerRequest) -> Answer:
    """An answer from its wire message.

    Raises:
        PasserelleError: `closer_answer_invalid`.
    """
    fields = {one.name: _split(one.tokens) for one in message.fields}
    if len(fields) != len(message.fields):
        raise PasserelleError("closer_answer_invalid", "a field twice")
    return Answer(message.nonce, fields)


def encode_answer(answer: Answer) -> bytes:
    """An answer as it is stored."""
    return answer_out(answer).SerializeToString(deterministic=True)


def decode_answer(stored: bytes) -> Answer:
    """An answer as it was stored."""
    return answer_in(pb.CloserAnswerRequest.FromString(stored))


def _split(packed: bytes) -> tuple[bytes, ...]:
    return tuple(packed[at : at + TOKEN_BYTES] for at in range(0, len(packed), TOKEN_BYTES))
