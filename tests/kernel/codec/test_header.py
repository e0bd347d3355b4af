"""Headers: what was encoded decodes to the same, and hostile bytes are refused with a code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerelle.codec.header import decode_header, decode_marking, encode_header, encode_marking
from passerelle.errors import PasserelleError
from passerelle.groups import EntityKind
from passerelle.marking import (
    AgeBand,
    Basis,
    Classification,
    Grading,
    Handling,
    Marking,
    SubjectCategory,
    TerCategory,
    Tlp,
)
from passerelle.record import ENVELOPE_VERSION, Header, Lifetime, RecordAction, SectionDigest
from passerelle.wire.v1 import record_pb2 as pb

TEXT = st.text(max_size=12)
TEXTS = st.lists(TEXT, max_size=3).map(tuple)
TIMES = st.integers(0, 2**63 - 1)
MARKINGS = st.builds(
    Marking,
    classification=st.sampled_from(Classification),
    handling=st.sampled_from(Handling),
    tlp=st.sampled_from(Tlp),
    ter_category=st.sampled_from(TerCategory),
    subject_category=st.sampled_from(SubjectCategory),
    basis=st.sampled_from(Basis),
    grading=st.builds(Grading, st.sampled_from("ABCX"), st.integers(1, 4)),
    purposes=TEXTS,
    legal_basis=TEXT,
    case_reference=TEXT,
    age_band=st.sampled_from(AgeBand),
    handling_condition=TEXT,
    embargo_basis=TEXT,
    special_categories=TEXTS,
    releasable_to=TEXTS,
)
HEADERS = st.builds(
    Header,
    agency=st.text(min_size=1, max_size=12),
    record_id=st.binary(min_size=16, max_size=16),
    revision=st.integers(1, 2**31 - 1),
    action=st.sampled_from(RecordAction),
    entity=st.sampled_from(EntityKind),
    marking=MARKINGS,
    lifetime=st.builds(Lifetime, TIMES, TIMES, TIMES, TIMES, TIMES),
    token_commitment=st.binary(min_size=32, max_size=32),
    sections=st.lists(
        st.builds(
            SectionDigest,
            st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1, max_size=64),
            st.binary(min_size=32, max_size=32),
            st.integers(0, 2**64 - 1),
        ),
        max_size=3,
    ).map(tuple),
    version=st.just(ENVELOPE_VERSION),
)
HEADER = Header(
    agency="police",
    record_id=b"i" * 16,
    revision=1,
    action=RecordAction.PUT,
    entity=EntityKind.PERSON,
    marking=Marking(
        classification=Classification.RESTRICTED,
        handling=Handling.H3,
        tlp=Tlp.AMBER_STRICT,
        ter_category=TerCategory.NONE,
        subject_category=SubjectCategory.SUSPECT,
        basis=Basis.FACT,
        grading=Grading("A", 1),
        purposes=("counter_terrorism",),
        legal_basis="law",
        case_reference="case",
    ),
    lifetime=Lifetime(1),
    token_commitment=b"c" * 32,
    sections=(SectionDigest("identity", b"d" * 32, 5),),
)


@given(HEADERS)
def test_a_header_survives_its_encoding(header: Header) -> None:
    assert decode_header(encode_header(header)) == header


@given(MARKINGS)
def test_a_marking_survives_and_equal_ones_give_equal_bytes(marking: Marking) -> None:
    raw = encode_marking(marking)
    assert decode_marking(raw) == marking
    assert encode_marking(decode_marking(raw)) == raw


def changed(change: Callable[[pb.Header], object]) -> bytes:
    message = pb.Header.FromString(encode_header(HEADER))
    change(message)
    return message.SerializeToString()


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"\xff\xff", "header_invalid"),
        (b"", "batch_suite_unknown"),
        (changed(lambda m: setattr(m, "version", 2)), "batch_suite_unknown"),
        (changed(lambda m: setattr(m, "entity", 0)), "header_invalid"),
        (changed(lambda m: setattr(m, "entity", 99)), "header_invalid"),
        (changed(lambda m: setattr(m, "action", 0)), "header_invalid"),
        (changed(lambda m: setattr(m, "record_id", b"short")), "header_invalid"),
        (changed(lambda m: setattr(m, "token_commitment", b"")), "header_invalid"),
        (changed(lambda m: setattr(m, "revision", 0)), "header_invalid"),
        (changed(lambda m: setattr(m, "revision", 2**31)), "header_invalid"),
        (changed(lambda m: setattr(m, "agency", "")), "header_invalid"),
        (changed(lambda m: setattr(m, "created", -1)), "header_invalid"),
        (changed(lambda m: setattr(m, "expiry", -(2**63))), "header_invalid"),
        (changed(lambda m: m.sections.add()), "header_invalid"),
        (changed(lambda m: m.sections.add(name="n" * 65, digest=bytes(32))), "header_invalid"),
        (changed(lambda m: m.sections.add(name="n", digest=bytes(31))), "header_invalid"),
        (changed(lambda m: m.sections.add(name="n\0", digest=bytes(32))), "header_invalid"),
        (changed(lambda m: m.ClearField("marking")), "marking_invalid"),
        (changed(lambda m: setattr(m.marking, "classification", 6)), "marking_invalid"),
        (changed(lambda m: setattr(m.marking, "handling", "H9")), "marking_invalid"),
        (changed(lambda m: setattr(m.marking, "credibility", 5)), "marking_invalid"),
    ],
)
def test_what_is_no_header_is_refused(raw: bytes, code: str) -> None:
    with pytest.raises(PasserelleError) as caught:
        decode_header(raw)
    assert caught.value.code == code
    assert "police" not in caught.value.detail


@given(st.binary(max_size=200))
def test_any_bytes_are_a_header_or_a_coded_refusal(raw: bytes) -> None:
    try:
        assert decode_header(raw).revision
    except PasserelleError as error:
        assert error.code in {"header_invalid", "batch_suite_unknown", "marking_invalid"}


@given(st.integers(0, 400), st.integers(0, 255), HEADERS)
def test_one_changed_byte_is_a_header_or_a_coded_refusal(place: int, value: int, header: Header) -> None:
    raw = bytearray(encode_header(header))
    raw[place % len(raw)] = value
    try:
        assert min(vars_of(decode_header(bytes(raw)).lifetime)) >= 0
    except PasserelleError as error:
        assert error.code in {"header_invalid", "batch_suite_unknown", "marking_invalid"}


def vars_of(life: Lifetime) -> tuple[int, ...]:
    return (life.created, life.collected, life.valid_until, life.review, life.expiry)


def test_an_embargo_basis_makes_a_marking_embargoed() -> None:
    assert not HEADER.marking.embargoed
    assert replace(HEADER.marking, embargo_basis="art-12").embargoed
