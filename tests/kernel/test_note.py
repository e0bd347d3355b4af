"""Signed notes: the form of C2SP, both signatures or none, cosignatures with their time."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerelle.errors import PasserelleError
from passerelle.note import (
    MAX_NOTE_BYTES,
    Note,
    NoteLine,
    cosign_note,
    lines_of,
    sign_note,
    verify_cosignature,
    verify_note,
)
from passerelle.sign import SigningKey

LOG, WITNESS = "spiffe://hub.example/hub/exchange", "spiffe://police.example/connector/police"
TEXT = b"spiffe://hub.example/hub/exchange\n3\n" + base64.b64encode(bytes(32)) + b"\n"
KEY, OTHER = SigningKey.generate(), SigningKey.generate()
SIGNED = sign_note(KEY, LOG, TEXT)
COSIGNED = SIGNED.having(*cosign_note(OTHER, WITNESS, TEXT, 1_700_000_000))


def refused(note: Note, name: str = LOG, key: SigningKey = KEY) -> str:
    with pytest.raises(PasserelleError) as caught:
        verify_note(note, name, key.public)
    return caught.value.code


def test_a_note_survives_its_bytes_and_gives_its_text() -> None:
    assert Note.parse(COSIGNED.to_bytes()) == COSIGNED
    assert verify_note(COSIGNED, LOG, KEY.public) == TEXT
    assert verify_cosignature(COSIGNED, WITNESS, OTHER.public) == 1_700_000_000


def test_the_lines_are_those_of_c2sp() -> None:
    """Key hash, type and signed message computed here as signed-note and tlog-cosignature state them."""
    classical = lines_of(COSIGNED, LOG)[0]
    public = KEY.public.raw[:32]
    assert classical.key_hash == hashlib.sha256(LOG.encode() + b"\n\x01" + public).digest()[:4]
    KEY.public.ed25519.verify(classical.signature, TEXT)
    cosignature = lines_of(COSIGNED, WITNESS)[0]
    public = OTHER.public.raw[:32]
    assert cosignature.key_hash == hashlib.sha256(WITNESS.encode() + b"\n\x04" + public).digest()[:4]
    assert cosignature.signature[:8] == (1_700_000_000).to_bytes(8, "big")
    message = b"cosignature/v1\ntime 1700000000\n" + TEXT
    OTHER.public.ed25519.verify(cosignature.signature[8:], message)
    assert COSIGNED.to_bytes().startswith(TEXT + b"\n\xe2\x80\x94 " + LOG.encode() + b" ")


@pytest.mark.parametrize("kept", [0, 1], ids=["classical alone", "post-quantum alone"])
def test_half_a_signature_is_none(kept: int) -> None:
    assert refused(Note(TEXT, (SIGNED.lines[kept],))) == "note_unsigned"
    half = Note(TEXT, (COSIGNED.lines[2 + kept],))
    with pytest.raises(PasserelleError) as caught:
        verify_cosignature(half, WITNESS, OTHER.public)
    assert caught.value.code == "note_unsigned"


def test_a_changed_text_key_or_name_is_refused() -> None:
    assert refused(replace(SIGNED, text=TEXT.replace(b"3", b"4"))) == "note_signature_invalid"
    assert refused(SIGNED, key=OTHER) == "note_unsigned"
    assert refused(SIGNED, name=WITNESS) == "note_unsigned"
    forged = tuple(replace(line, signature=bytes(len(line.signature))) for line in SIGNED.lines)
    assert refused(Note(TEXT, (forged[0], SIGNED.lines[1]))) == "note_signature_invalid"
    assert refused(Note(TEXT, (SIGNED.lines[0], forged[1]))) == "note_signature_invalid"


def test_both_parts_of_a_cosignature_name_one_time() -> None:
    first, second = cosign_note(OTHER, WITNESS, TEXT, 7), cosign_note(OTHER, WITNESS, TEXT, 8)
    for lines in ((first[0], second[1]), (replace(first[0], signature=b"short"), first[1])):
        with pytest.raises(PasserelleError) as caught:
            verify_cosignature(Note(TEXT, lines), WITNESS, OTHER.public)
        assert caught.value.code == "note_signature_invalid"


def test_lines_of_others_are_passed_over() -> None:
    stranger = NoteLine("example.org/log", b"abcd", b"anything")
    assert verify_note(SIGNED.having(stranger), LOG, KEY.public) == TEXT
    assert SIGNED.having(*SIGNED.lines) == SIGNED


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        TEXT,
        TEXT + b"\n",
        SIGNED.to_bytes()[:-1],
        TEXT + b"\n- name YWJjZGU=\n",
        TEXT + b"\n\xe2\x80\x94 name !!!!\n",
        TEXT + b"\n\xe2\x80\x94 a+b YWJjZGU=\n",
        TEXT + b"\n\xe2\x80\x94 name YWJj\n",
        TEXT + b"\n" + b"\xe2\x80\x94 name YWJjZGU=\n" * 70,
        TEXT + b"\n\xff\xff name YWJjZGU=\n",
        b"x" * (MAX_NOTE_BYTES + 1),
    ],
)
def test_other_bytes_are_refused(raw: bytes) -> None:
    with pytest.raises(PasserelleError) as caught:
        Note.parse(raw)
    assert caught.value.code == "note_malformed"


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_with_a_code(raw: bytes) -> None:
    try:
        assert Note.parse(raw).to_bytes() == raw
    except PasserelleError as error:
        assert error.code == "note_malformed"
