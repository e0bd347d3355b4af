"""Statements and receipts: the same after the wire; hostile bytes are refused with a code."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerelle.codec.statement import decode_receipt, decode_statement, encode_receipt, encode_statement
from passerelle.errors import PasserelleError
from passerelle.record import BatchStatement, Receipt, RecordRefusal
from passerelle.wire.v1 import record_pb2 as pb

TEXT = st.text(max_size=12)
NAME = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=64)
DIGEST = st.binary(min_size=32, max_size=32)
ID = st.binary(min_size=16, max_size=16)
NUMBER = st.integers(1, 2**64 - 1)
TIME = st.integers(-(2**63), 2**63 - 1)
STATEMENTS = st.builds(
    BatchStatement,
    audience=TEXT,
    agency=TEXT,
    connector=TEXT,
    domain=NAME,
    batch_id=ID,
    sequence=NUMBER,
    previous=DIGEST,
    records=st.integers(1, 1_000),
    root=DIGEST,
    recipients=DIGEST,
    epoch=st.integers(0, 2**31 - 1),
    normaliser=TEXT,
    catalogue=TEXT,
    created=TIME,
)
RECEIPTS = st.builds(
    Receipt,
    hub=TEXT,
    agency=TEXT,
    batch_id=ID,
    sequence=NUMBER,
    statement_digest=DIGEST,
    code=TEXT,
    consumed=st.booleans(),
    refusals=st.lists(
        st.builds(RecordRefusal, st.integers(0, 2**32 - 1), TEXT, st.lists(TEXT, max_size=2).map(tuple)),
        max_size=3,
    ).map(tuple),
    received=TIME,
    merge_delay=TIME,
    audit_event=DIGEST,
)


@given(STATEMENTS)
def test_a_statement_survives_its_encoding(statement: BatchStatement) -> None:
    assert decode_statement(encode_statement(statement)) == statement


@given(RECEIPTS)
def test_a_receipt_survives_its_encoding(receipt: Receipt) -> None:
    again = decode_receipt(encode_receipt(receipt))
    assert again == receipt
    assert again.accepted is (receipt.code == "")


STATEMENT = BatchStatement(
    audience="hub",
    agency="police",
    connector="connector",
    domain="ter",
    batch_id=b"b" * 16,
    sequence=1,
    previous=bytes(32),
    records=1,
    root=bytes(32),
    recipients=bytes(32),
    epoch=1,
    normaliser="norm/1",
    catalogue="keys/1",
    created=1,
)


def changed(change: Callable[[pb.BatchStatement], object]) -> bytes:
    message = pb.BatchStatement.FromString(encode_statement(STATEMENT))
    change(message)
    return message.SerializeToString()


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"\xff", "message_malformed"),
        (b"", "batch_suite_unknown"),
        (changed(lambda m: setattr(m, "version", 9)), "batch_suite_unknown"),
        (changed(lambda m: setattr(m, "suite", "weak")), "batch_suite_unknown"),
        (changed(lambda m: setattr(m, "batch_id", b"")), "message_malformed"),
        (changed(lambda m: setattr(m, "previous", b"")), "message_malformed"),
        (changed(lambda m: setattr(m, "root", bytes(33))), "message_malformed"),
        (changed(lambda m: setattr(m, "recipients", b"")), "message_malformed"),
        (changed(lambda m: setattr(m, "sequence", 0)), "message_malformed"),
        (changed(lambda m: setattr(m, "records", 0)), "message_malformed"),
        (changed(lambda m: setattr(m, "domain", "d" * 65)), "message_malformed"),
        (changed(lambda m: setattr(m, "domain", "d\0")), "message_malformed"),
        (changed(lambda m: setattr(m, "epoch", 2**31)), "message_malformed"),
        (changed(lambda m: setattr(m, "records", 1_001)), "batch_too_large"),
    ],
)
def test_what_is_no_statement_is_refused(raw: bytes, code: str) -> None:
    with pytest.raises(PasserelleError) as caught:
        decode_statement(raw)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "raw",
    [
        b"\xff",
        b"",
        pb.Receipt(batch_id=bytes(16)).SerializeToString(),
        pb.Receipt(statement_digest=bytes(32)).SerializeToString(),
    ],
)
def test_what_is_no_receipt_is_refused(raw: bytes) -> None:
    with pytest.raises(PasserelleError) as caught:
        decode_receipt(raw)
    assert caught.value.code == "receipt_invalid"


@given(st.binary(max_size=200), st.integers(0, 300), st.integers(0, 255), STATEMENTS)
def test_any_bytes_are_read_or_refused_with_a_code(
    raw: bytes, place: int, value: int, statement: BatchStatement
) -> None:
    spoilt = bytearray(encode_statement(statement))
    spoilt[place % len(spoilt)] = value
    for given_bytes in (raw, bytes(spoilt)):
        try:
            assert decode_statement(given_bytes).sequence > 0
        except PasserelleError as error:
            assert error.code in {"message_malformed", "batch_suite_unknown", "batch_too_large"}
        try:
            assert len(decode_receipt(given_bytes).batch_id) == 16
        except PasserelleError as error:
            assert error.code == "receipt_invalid"
