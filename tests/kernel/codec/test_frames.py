"""Frames: a batch cut up and put together again is the same; whatever else arrives is refused."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerelle.codec.frames import Assembler, frames
from passerelle.errors import PasserelleError
from passerelle.record import (
    MAX_BATCH_RECORDS,
    MAX_FRAME_BYTES,
    Batch,
    KekWrap,
    SealedRecord,
    Section,
    SectionKeyWrap,
)
from passerelle.sign import Signature, Signed
from passerelle.wire.v1 import common_pb2
from passerelle.wire.v1 import exchange_pb2 as pb

SIGNED = Signed("type", b"payload", Signature(b"key", b"classical", b"lattice"))
OTHER = replace(SIGNED, payload=b"another")


def record(tokens: int = 2, sections: int = 1, size: int = 10, wraps: int = 0) -> SealedRecord:
    return SealedRecord(
        header=os.urandom(20),
        kinds=tuple(range(tokens)),
        tokens=os.urandom(16 * tokens),
        salt=os.urandom(32),
        sections=tuple(Section(str(at), os.urandom(size)) for at in range(sections)),
        wraps=tuple(SectionKeyWrap(f"agency-{at}", "identity", b"w") for at in range(wraps)),
    )


def assembled(parts: Iterable[pb.SubmitRequest], max_bytes: int = 2**24) -> list[Batch | str]:
    """What comes of frames: batches, and the codes of refusals."""
    assembler, out = Assembler(max_bytes), list[Batch | str]()
    for part in parts:
        try:
            batch = assembler.feed(pb.SubmitRequest.FromString(part.SerializeToString()))
        except PasserelleError as error:
            out.append(error.code)
            continue
        if batch is not None:
            out.append(batch)
    return out


KEKS = (KekWrap("customs", b"k" * 32, b"sealed"),)


@pytest.mark.parametrize(
    "batch",
    [
        Batch(SIGNED, (record(),)),
        Batch(SIGNED, (record(tokens=0, sections=0), record(wraps=2), record(sections=3)), KEKS),
        Batch(SIGNED, (record(),), KEKS),
        Batch(SIGNED, tuple(record(wraps=3) for _ in range(900)), KEKS),
        Batch(SIGNED, tuple(record(sections=9, size=50_000) for _ in range(5))),
    ],
)
def test_a_batch_survives_its_frames(batch: Batch) -> None:
    parts = list(frames(batch))
    assert all(part.ByteSize() <= MAX_FRAME_BYTES for part in parts)
    assert assembled(parts) == [batch]


def test_frames_stay_below_the_limit_with_many_small_sections() -> None:
    many = Batch(SIGNED, tuple(record(tokens=0, sections=100, size=1) for _ in range(999)))
    assert all(part.ByteSize() <= MAX_FRAME_BYTES for part in frames(many))


def test_a_record_that_fits_no_frame_is_refused() -> None:
    with pytest.raises(PasserelleError) as caught:
        list(frames(Batch(SIGNED, (record(size=MAX_FRAME_BYTES),))))
    assert caught.value.code == "batch_too_large"


def opened(signed: Signed = SIGNED) -> pb.SubmitRequest:
    return next(frames(Batch(signed, ())))


def committed(records: int) -> pb.SubmitRequest:
    return pb.SubmitRequest(commit=pb.BatchCommit(records=records))


def columns(**changes: object) -> pb.SubmitRequest:
    values: dict[str, object] = {
        "headers": [b"h"],
        "token_counts": [1],
        "kinds": [1],
        "tokens": bytes(16),
        "salts": bytes(32),
        "sections": [b"s"],
        "section_counts": [1],
    }
    return pb.SubmitRequest(records=pb.RecordFrame(**{**values, **changes}))  # type: ignore[arg-type]  # by name


def test_the_columns_themselves_are_good() -> None:
    (batch,) = assembled([opened(), columns(), committed(1)])
    assert isinstance(batch, Batch)


@pytest.mark.parametrize(
    "broken",
    [
        columns(token_counts=[]),
        columns(salts=bytes(31)),
        columns(token_counts=[2]),
        columns(tokens=bytes(15)),
        columns(section_counts=[]),
        columns(section_counts=[2]),
        columns(headers=[]),
        pb.SubmitRequest(wraps=pb.WrapFrame(section_keys=[pb.SectionKeyWrap(record=1)])),
    ],
)
def test_columns_that_do_not_add_up_are_refused(broken: pb.SubmitRequest) -> None:
    assert assembled([opened(), columns(), broken, committed(1)]) == ["batch_incomplete"]


def test_fewer_or_more_records_than_promised_are_refused() -> None:
    assert assembled([opened(), columns(), committed(2)]) == ["batch_incomplete"]
    many = [columns()] * (MAX_BATCH_RECORDS + 1)
    assert assembled([opened(), *many, committed(len(many))]) == ["batch_incomplete"]


def test_after_a_refusal_the_rest_is_passed_over_and_the_next_batch_is_taken() -> None:
    good = Batch(OTHER, (record(),))
    assembler = Assembler(1_000)
    assembler.feed(opened())
    with pytest.raises(PasserelleError) as caught:
        assembler.feed(columns(sections=[bytes(2_000)]))
    assert caught.value.code == "batch_too_large"
    assert assembler.refused == SIGNED
    assert assembler.feed(columns()) is None
    assert assembler.feed(committed(1)) is None
    assert [batch for part in frames(good) if (batch := assembler.feed(part))] == [good]


def test_a_frame_outside_a_batch_belongs_to_nobody() -> None:
    assembler = Assembler()
    for stray in (columns(), pb.SubmitRequest()):
        with pytest.raises(PasserelleError) as caught:
            Assembler().feed(stray)
        assert caught.value.code == "message_malformed"
    with pytest.raises(PasserelleError):
        assembler.feed(committed(0))
    assert assembler.refused is None


def test_an_empty_frame_inside_a_batch_is_refused() -> None:
    assert assembled([opened(), pb.SubmitRequest(), committed(0)]) == ["message_malformed"]


def test_a_batch_opened_inside_another_costs_the_first_and_not_the_second() -> None:
    second = Batch(OTHER, (record(),))
    assert assembled([opened(), columns(), *frames(second)]) == ["batch_incomplete", second]


@pytest.mark.parametrize(
    "empty",
    [
        pb.SubmitRequest(wraps=pb.WrapFrame(section_keys=[pb.SectionKeyWrap()] * 20_000)),
        pb.SubmitRequest(wraps=pb.WrapFrame(keks=[pb.KekWrap()] * 20_000)),
        pb.SubmitRequest(records=pb.RecordFrame(headers=[b""] * 20_000)),
        pb.SubmitRequest(records=pb.RecordFrame(sections=[b""] * 20_000)),
    ],
)
def test_empty_rows_cannot_fill_memory(empty: pb.SubmitRequest) -> None:
    """Two bytes each on the wire, some sixty in memory."""
    assert empty.ByteSize() < 2**17
    assert assembled([opened(), empty, committed(0)], max_bytes=2**20) == ["batch_too_large"]


NUMBERS = st.lists(st.integers(0, 2**32 - 1), max_size=3)
PIECES = st.lists(st.binary(max_size=4), max_size=3)
FRAMES = st.one_of(
    st.sampled_from([opened(), opened(OTHER), columns(), committed(0), committed(1), pb.SubmitRequest()]),
    st.builds(
        columns,
        headers=PIECES,
        token_counts=NUMBERS,
        kinds=NUMBERS,
        tokens=st.binary(max_size=64),
        salts=st.binary(max_size=64),
        sections=PIECES,
        section_counts=NUMBERS,
    ),
    st.builds(pb.SubmitRequest, open=st.builds(common_pb2.Signed, payload=st.binary(max_size=64))),
    st.builds(
        pb.SubmitRequest,
        wraps=st.builds(
            pb.WrapFrame,
            section_keys=st.lists(
                st.builds(pb.SectionKeyWrap, record=st.integers(0, 2**32 - 1), recipient=st.text(max_size=3)),
                max_size=2,
            ),
        ),
    ),
)


@given(st.lists(FRAMES, max_size=12))
def test_no_order_of_frames_does_more_than_refuse(parts: list[pb.SubmitRequest]) -> None:
    assembler = Assembler(10_000)
    for part in parts:
        try:
            assembler.feed(part)
        except PasserelleError as error:
            assert error.code in {"message_malformed", "batch_too_large", "batch_incomplete"}
    with_rest = [batch for part in frames(Batch(OTHER, (record(),))) if (batch := _fed(assembler, part))]
    assert len(with_rest) == 1, "whatever came before, the next batch is taken"


def _fed(assembler: Assembler, part: pb.SubmitRequest) -> Batch | None:
    try:
        return assembler.feed(part)
    except PasserelleError:
        return None
