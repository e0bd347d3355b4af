"""Requests for renewal: one encoding, one signer, a short life."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerelle.certificate import Usage
from passerelle.errors import PasserelleError
from passerelle.identity import Identity, Role
from passerelle.renewal import FRESH, RENEWAL_TYPE, RenewalRequest, sign_renewal, verify_renewal
from passerelle.sign import SigningKey, sign

KEY = SigningKey.generate()
AUTHORITY = Identity("police.example", Role.PKI, "authority")
POLICE = Identity("police.example", Role.CONNECTOR, "police")
REQUEST = RenewalRequest(AUTHORITY, POLICE, Usage.CLIENT, "-----BEGIN", 10**15, b"n" * 16)


def altered(**changes: object) -> bytes:
    fields = {**json.loads(REQUEST.to_bytes()), **changes}
    return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()


def test_what_was_signed_is_read() -> None:
    assert verify_renewal(sign_renewal(KEY, REQUEST), KEY.public) == REQUEST


def test_another_signer_and_another_type_are_refused() -> None:
    with pytest.raises(PasserelleError, match="signature_wrong_key"):
        verify_renewal(sign_renewal(SigningKey.generate(), REQUEST), KEY.public)
    with pytest.raises(PasserelleError, match="signature_wrong_type"):
        verify_renewal(sign(KEY, "application/other", REQUEST.to_bytes()), KEY.public)
    with pytest.raises(PasserelleError, match="signature_missing_post_quantum"):
        signed = sign_renewal(KEY, REQUEST)
        verify_renewal(replace(signed, signature=replace(signed.signature, ml_dsa_65=b"")), KEY.public)


@pytest.mark.parametrize(
    "raw",
    [
        b"{}",
        b"[]",
        b"\xff",
        b"[" * 5000,
        REQUEST.to_bytes() + b" ",
        altered(at=1.0),
        altered(at=True),
        altered(at="1"),
        altered(at=-1),
        altered(nonce="00"),
        altered(nonce="zz"),
        altered(usage="both"),
        altered(identity=5),
        altered(more=1),
        altered(request=7),
        altered(request="é"),
        altered(request="x" * 9000),
    ],
)
def test_anything_but_the_one_encoding_is_refused(raw: bytes) -> None:
    with pytest.raises(PasserelleError, match="renewal_malformed"):
        verify_renewal(sign(KEY, RENEWAL_TYPE, raw), KEY.public)


@given(st.binary(max_size=400))
def test_any_bytes_give_a_request_or_a_code(raw: bytes) -> None:
    with pytest.raises(PasserelleError):
        RenewalRequest.from_bytes(raw)


def test_a_request_holds_for_five_minutes_either_side() -> None:
    for now in (REQUEST.at - FRESH, REQUEST.at, REQUEST.at + FRESH):
        assert REQUEST.check_fresh(now) is None  # type: ignore[func-returns-value]  # it raises or not
    for now in (REQUEST.at - FRESH - 1, REQUEST.at + FRESH + 1):
        with pytest.raises(PasserelleError, match="renewal_stale"):
            REQUEST.check_fresh(now)
