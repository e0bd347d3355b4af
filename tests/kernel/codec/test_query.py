"""Questions and answers survive their encoding; answers have one length, whatever they say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from passerelle.codec.query import decode_answer, decode_question, encode_answer, encode_question
from passerelle.errors import PasserelleError
from passerelle.groups import EntityKind
from passerelle.notification import Agreement, Band, Relation
from passerelle.query import ANSWER_BYTES, MAX_HITS, MAX_TOKENS, Answer, Hit, Question

QUESTION = Question(
    audience="spiffe://hub.example/hub/exchange",
    agency="police",
    connector="spiffe://police.example/connector/police",
    query_id=b"q" * 16,
    created=5,
    domain="ter",
    epoch=1,
    normaliser="norm/1",
    catalogue="keys/1",
    purpose="counter_terrorism",
    legal_basis="be_ter_2024",
    case_reference="c-1",
    user="u-17",
    clearance=3,
    channel="manual",
    entity=EntityKind.ORGANISATION,
    age_band="unknown",
    subject_category="suspect",
    special_categories=("religion",),
    kinds=(1, 2),
    tokens=bytes(32),
)
HIT = Hit(
    counterpart="coordinator",
    visibility="match",
    relation=Relation.SAME_PERSON,
    band=Band.STRONG,
    agreements=(Agreement("surname", "exact", 1.5),),
    handling="H2",
    obligations=("no_onward_sharing=True",),
    decision_id="d" * 32,
)
ANSWER = Answer("hub", "police", b"q" * 16, b"d" * 32, 7, (HIT,), False, "d", "p", "w", b"e" * 32)


def test_a_question_survives_its_encoding() -> None:
    assert decode_question(encode_question(QUESTION)) == QUESTION


@pytest.mark.parametrize("hits", [(), (HIT,), (HIT,) * MAX_HITS])
def test_an_answer_survives_its_encoding_and_has_one_length(hits: tuple[Hit, ...]) -> None:
    answer = replace(ANSWER, hits=hits)
    raw = encode_answer(answer)
    assert len(raw) == ANSWER_BYTES
    assert decode_answer(raw) == answer


def test_what_does_not_fit_is_left_out_and_the_answer_says_so() -> None:
    many = decode_answer(encode_answer(replace(ANSWER, hits=(HIT,) * (MAX_HITS + 1))))
    assert (len(many.hits), many.more) == (MAX_HITS, True)
    long = replace(HIT, obligations=("x" * 3_000,))
    few = decode_answer(encode_answer(replace(ANSWER, hits=(long,) * 4)))
    assert (len(few.hits), few.more) == (2, True)
    with pytest.raises(ValueError, match="does not fit"):
        encode_answer(replace(ANSWER, hits=(), weights="w" * ANSWER_BYTES))


@pytest.mark.parametrize(
    "changes",
    [
        {"kinds": (), "tokens": b""},
        {"kinds": (1,), "tokens": bytes(15)},
        {"kinds": (1,) * (MAX_TOKENS + 1), "tokens": bytes(16 * (MAX_TOKENS + 1))},
        {"query_id": b"short"},
        {"channel": "other"},
        {"user": "u" * 129},
        {"purpose": "a\0b"},
        {"special_categories": ("x",) * 9},
    ],
)
def test_a_question_out_of_shape_is_refused(changes: dict[str, object]) -> None:
    raw = encode_question(replace(QUESTION, **changes))  # type: ignore[arg-type]  # names are checked by the call
    with pytest.raises(PasserelleError, match="message_malformed"):
        decode_question(raw)


def test_bytes_that_are_neither_are_refused() -> None:
    with pytest.raises(PasserelleError, match="message_malformed"):
        decode_question(b"\xff")
    with pytest.raises(PasserelleError, match="message_malformed"):
        decode_question(b"")
    for raw in (b"\xff", b"", encode_answer(replace(ANSWER, query_id=b"x")), encode_answer(ANSWER)[:-1]):
        with pytest.raises(PasserelleError, match="query_answer_invalid"):
            decode_answer(raw)
