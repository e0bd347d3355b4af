"""Signed payloads and log proofs between bytes and domain."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerelle.codec.signed import decode_signed, encode_signed, hashes_in, proof_in, proof_out
from passerelle.errors import PasserelleError
from passerelle.notification import LogProof
from passerelle.sign import Signature, Signed, TreePlace

BYTES = st.binary(max_size=40)
HASHES = st.lists(st.binary(min_size=32, max_size=32), max_size=4).map(tuple)
NUMBER = st.integers(0, 2**64 - 1)


PLACES = st.none() | st.builds(TreePlace, st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), HASHES)


@given(st.builds(Signed, st.text(max_size=20), BYTES, st.builds(Signature, BYTES, BYTES, BYTES, PLACES)))
def test_a_signed_payload_keeps_its_exact_bytes(signed: Signed) -> None:
    assert decode_signed(encode_signed(signed)) == signed


def test_the_bytes_of_a_signed_payload_are_the_same_for_ever() -> None:
    alone = Signed("type", b"payload", Signature(b"key", b"classical", b"lattice"))
    among = Signed("", b"", Signature(b"", b"", b"", TreePlace(0, 2, (bytes(32), b"h" * 32))))
    bare = Signed("", b"", Signature(b"", b"", b"", TreePlace(0, 0, ())))
    assert (
        encode_signed(alone).hex()
        == "0a047479706512077061796c6f61641a190a036b65791209636c6173736963616c1a076c617474696365"
    )
    assert hashlib.sha256(encode_signed(among)).hexdigest() == (
        "7b56423923ec0edc70fe58c19d94ddc872c0ce7ccd6aafeffef0391f28e84fe3"
    )
    assert encode_signed(bare).hex() == "1a022200"


@given(st.builds(LogProof, NUMBER, HASHES, NUMBER, HASHES, NUMBER, st.binary(max_size=32)))
def test_a_proof_survives_the_wire(proof: LogProof) -> None:
    assert proof_in(proof_out(proof)) == proof


@given(BYTES)
def test_any_bytes_are_read_or_refused_with_a_code(raw: bytes) -> None:
    try:
        assert isinstance(decode_signed(raw).payload, bytes)
    except PasserelleError as error:
        assert error.code == "message_malformed"


def test_a_column_of_odd_length_is_refused() -> None:
    assert hashes_in(bytes(64)) == (bytes(32), bytes(32))
    with pytest.raises(PasserelleError) as caught:
        hashes_in(bytes(33))
    assert caught.value.code == "message_malformed"


def test_bytes_that_are_no_message_are_refused() -> None:
    with pytest.raises(PasserelleError):
        decode_signed(b"\xff")
