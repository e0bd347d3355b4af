"""Questions and answers of a reconciliation survive the wire; what is malformed is refused."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerelle.codec.holdings import (
    decode_digest,
    decode_list,
    encode_digest,
    encode_list,
    question_in,
    question_out,
)
from passerelle.errors import PasserelleError
from passerelle.holdings import (
    Comparison,
    Holding,
    HoldingsDigest,
    HoldingsList,
    HoldingState,
    Selection,
    TooCommon,
    summarise,
)
from passerelle.record import GENESIS, Position
from passerelle.wire.v1 import exchange_pb2, record_pb2

NONCE = bytes(range(16))
records = st.dictionaries(st.binary(min_size=16, max_size=16), st.integers(1, 2**31), max_size=40)


def malformed(code: str, step: object, *args: object) -> None:
    assert callable(step)
    with pytest.raises(PasserelleError) as refused:
        step(*args)
    assert refused.value.code == code


@given(records, st.integers(1, 2**60))
def test_a_comparison_and_its_answer_come_back_as_they_were(held: dict[bytes, int], number: int) -> None:
    summary = summarise(sorted(held.items()))
    question = Comparison(NONCE, number, summary)
    sent = exchange_pb2.ReconcileRequest.FromString(question_out(question).SerializeToString())
    assert question_in(sent) == question
    place = Position(number, hashlib.sha256(b"x").digest())
    common = tuple(TooCommon(record_id, 102) for record_id in sorted(held))
    answer = HoldingsDigest("hub", "police", NONCE, place, summary, 7, common)
    assert decode_digest(encode_digest(answer)) == answer


@given(records, st.sets(st.integers(0, 255), min_size=1), st.booleans(), st.sampled_from(HoldingState))
def test_a_selection_and_its_list_come_back_as_they_were(
    held: dict[bytes, int], buckets: set[int], more: bool, state: HoldingState
) -> None:
    for after in (b"", NONCE):
        question = Selection(NONCE, bytes(sorted(buckets)), after)
        assert question_in(question_out(question)) == question
    listed = tuple(Holding(*one, state) for one in sorted(held.items()))
    answer = HoldingsList("hub", "police", NONCE, Position(1, GENESIS), listed, more and bool(listed), 7)
    assert decode_list(encode_list(answer)) == answer


@given(records, records)
def test_summaries_agree_exactly_where_the_holdings_do(
    one: dict[bytes, int], other: dict[bytes, int]
) -> None:
    first, second = summarise(sorted(one.items())), summarise(sorted(other.items()))
    changed = {record_id[0] for record_id, _ in set(one.items()) ^ set(other.items())}
    assert set(first.differing(second)) == changed
    assert first.count == len(one)


def claim(**changes: object) -> exchange_pb2.ReconcileRequest:
    values: dict[str, object] = {"next_sequence": 1, "count": 0, "buckets": bytes(32 * 256), **changes}
    return exchange_pb2.ReconcileRequest(nonce=NONCE, compare=exchange_pb2.HoldingsClaim(**values))  # type: ignore[arg-type]  # field names are checked by the message


@pytest.mark.parametrize(
    "message",
    [
        exchange_pb2.ReconcileRequest(nonce=NONCE),
        exchange_pb2.ReconcileRequest(nonce=b"short", compare=exchange_pb2.HoldingsClaim()),
        claim(buckets=bytes(32 * 255)),
        claim(buckets=bytes(33)),
        *(
            exchange_pb2.ReconcileRequest(
                nonce=NONCE, list=exchange_pb2.HoldingsSelection(buckets=buckets, after=after)
            )
            for buckets, after in ((b"", b""), (b"\2\1", b""), (b"\1\1", b""), (b"\1", b"short"))
        ),
    ],
)
def test_a_malformed_question_is_refused(message: exchange_pb2.ReconcileRequest) -> None:
    malformed("message_malformed", question_in, message)


def test_a_malformed_digest_is_refused() -> None:
    good = record_pb2.HoldingsDigest(previous=GENESIS, buckets=bytes(32 * 256))
    decode_digest(good.SerializeToString())
    good.previous = b"short"
    malformed("message_malformed", decode_digest, good.SerializeToString())
    malformed("message_malformed", decode_digest, b"\xff")


@pytest.mark.parametrize(
    "changes",
    [
        {"record_ids": bytes(15)},
        {"revisions": []},
        {"states": b"\4"},
        {"states": b"\0"},
        {"record_ids": bytes(32), "revisions": [1, 1], "states": b"\1\1"},
        {"record_ids": b"", "revisions": [], "states": b"", "more": True},
        {"record_ids": bytes(16 * 5001), "revisions": [1] * 5001, "states": b"\1" * 5001},
        {"previous": b""},
    ],
)
def test_a_malformed_list_is_refused(changes: dict[str, object]) -> None:
    values: dict[str, object] = {
        "previous": GENESIS, "record_ids": bytes(16), "revisions": [1], "states": b"\1", **changes
    }  # fmt: skip
    message = record_pb2.HoldingsList(**values)  # type: ignore[arg-type]  # field names are checked by the message
    malformed("message_malformed", decode_list, message.SerializeToString())


def test_bytes_that_are_no_list_are_refused() -> None:
    malformed("message_malformed", decode_list, b"\xff")


@pytest.mark.parametrize(
    ("packed", "kinds"), [(bytes(16), []), (bytes(15), [1]), (bytes(16_016), [1] * 1_001)]
)
def test_columns_of_what_is_too_common_that_do_not_fit_are_refused(packed: bytes, kinds: list[int]) -> None:
    answer = HoldingsDigest("hub", "police", NONCE, Position(1, GENESIS), summarise(()), 7)
    message = record_pb2.HoldingsDigest.FromString(encode_digest(answer))
    message.common_records = packed
    message.common_kinds.extend(kinds)
    malformed("message_malformed", decode_digest, message.SerializeToString())
