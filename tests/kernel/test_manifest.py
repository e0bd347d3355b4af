"""Key manifests: who may issue them, how they follow each other, which keys they give at which time."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerelle.codec.signed import encode_signed
from passerelle.errors import PasserelleError
from passerelle.identity import Identity, Role
from passerelle.manifest import (
    MANIFEST_TYPE,
    MAX_MANIFEST_BYTES,
    KeyEntry,
    KeyManifest,
    issue,
    issue_first,
    read_manifest,
    verify_manifest,
    verify_successor,
)
from passerelle.seal import SealingKey
from passerelle.sign import Signature, Signed, SigningKey, sign

ROOT = SigningKey(bytes(range(64)))
OTHER = SigningKey(bytes(range(1, 65)))
SIGNER = SigningKey(bytes(range(2, 66)))
NEXT_SIGNER = SigningKey(bytes(range(3, 67)))
OLD_SEAL, NEW_SEAL = SealingKey(bytes(range(96))), SealingKey(bytes(range(1, 97)))
FIRST = KeyManifest(
    agency="customs",
    trust_domain="customs.example",
    sequence=1,
    issued=1_000,
    expires=9_000,
    manifest_key=ROOT.public,
    signing_keys=(KeyEntry(SIGNER.public, 1_000, 5_000), KeyEntry(NEXT_SIGNER.public, 4_000, 9_000)),
    sealing_keys=(KeyEntry(NEW_SEAL.public, 3_000, 8_000), KeyEntry(OLD_SEAL.public, 1_000, 4_000)),
)
SECOND = replace(FIRST, sequence=2, issued=2_000, expires=20_000, previous=FIRST.digest)


def _code(call: Callable[[], object]) -> str:
    with pytest.raises(PasserelleError) as error:
        call()
    return error.value.code


def test_a_manifest_survives_issuing() -> None:
    signed = issue(ROOT, FIRST)
    assert verify_manifest(signed, ROOT.public) == FIRST
    assert read_manifest(encode_signed(signed), "customs") == FIRST


def test_a_first_manifest_lives_as_long_as_its_signing_key() -> None:
    signing, sealing = FIRST.signing_keys[0], FIRST.sealing_keys[1]
    signed = issue_first(ROOT, Identity("customs.example", Role.CONNECTOR, "customs"), signing, (sealing,))
    expected = replace(FIRST, expires=5_000, signing_keys=(signing,), sealing_keys=(sealing,))
    assert verify_manifest(signed, ROOT.public) == expected


def test_only_the_manifest_key_issues() -> None:
    assert _code(lambda: issue(OTHER, FIRST)) == "manifest_wrong_key"
    forged = sign(OTHER, MANIFEST_TYPE, FIRST.to_bytes())
    assert _code(lambda: verify_manifest(forged, ROOT.public)) == "manifest_wrong_key"
    assert _code(lambda: read_manifest(encode_signed(forged), "customs")) == "manifest_wrong_key"


def test_a_manifest_that_names_another_manifest_key_is_refused() -> None:
    taken = sign(ROOT, MANIFEST_TYPE, replace(FIRST, manifest_key=OTHER.public).to_bytes())
    assert _code(lambda: verify_manifest(taken, ROOT.public)) == "manifest_wrong_key"


def test_a_swapped_key_breaks_the_signature() -> None:
    signed = issue(ROOT, FIRST)
    swapped = replace(FIRST, sealing_keys=(KeyEntry(SealingKey.generate().public, 0, 9_000),))
    assert _code(lambda: verify_manifest(replace(signed, payload=swapped.to_bytes()), ROOT.public)) == (
        "signature_invalid"
    )


def test_an_entry_for_another_agency_is_refused() -> None:
    raw = encode_signed(issue(ROOT, FIRST))
    assert _code(lambda: read_manifest(raw, "police")) == "manifest_wrong_agency"
    assert _code(lambda: read_manifest(b"\xff", "customs")) == "message_malformed"


def test_the_successor_is_taken() -> None:
    assert verify_successor(issue(ROOT, SECOND), FIRST) == SECOND


@pytest.mark.parametrize(
    ("manifest", "code"),
    [
        (FIRST, "manifest_replayed"),
        (replace(SECOND, sequence=3), "manifest_gap"),
        (replace(SECOND, previous=b"\x01" * 32), "manifest_chain_broken"),
        (replace(SECOND, agency="police"), "manifest_wrong_agency"),
        (replace(SECOND, trust_domain="police.example"), "manifest_wrong_agency"),
    ],
)
def test_no_other_successor_is_taken(manifest: KeyManifest, code: str) -> None:
    assert _code(lambda: verify_successor(issue(ROOT, manifest), FIRST)) == code


def test_signing_keys_hold_in_their_time() -> None:
    assert FIRST.signing_key(SIGNER.public.key_id, 1_000) == SIGNER.public
    assert FIRST.signing_key(NEXT_SIGNER.public.key_id, 4_500) == NEXT_SIGNER.public
    for key, at, code in (
        (SIGNER, 999, "manifest_key_not_valid"),
        (SIGNER, 5_000, "manifest_key_not_valid"),
        (OTHER, 2_000, "manifest_key_unknown"),
        (NEXT_SIGNER, 9_000, "manifest_expired"),
    ):
        key_id = key.public.key_id
        assert _code(lambda: FIRST.signing_key(key_id, at)) == code  # noqa: B023 - called at once


def test_the_manifest_key_signs_no_batch() -> None:
    assert _code(lambda: FIRST.signing_key(ROOT.public.key_id, 2_000)) == "manifest_key_unknown"


def test_the_newest_valid_sealing_key_is_current() -> None:
    assert FIRST.current_sealing_key(1_000) == OLD_SEAL.public
    assert FIRST.current_sealing_key(3_500) == NEW_SEAL.public
    assert FIRST.sealing_key(OLD_SEAL.public.key_id, 3_500) == OLD_SEAL.public
    assert _code(lambda: FIRST.sealing_key(OLD_SEAL.public.key_id, 4_000)) == "manifest_key_not_valid"
    assert _code(lambda: FIRST.current_sealing_key(8_500)) == "manifest_key_not_valid"
    assert _code(lambda: FIRST.current_sealing_key(9_000)) == "manifest_expired"
    assert _code(lambda: FIRST.sealing_key(NEW_SEAL.public.key_id, 9_000)) == "manifest_expired"


@pytest.mark.parametrize(
    "change",
    [
        {"sequence": 0},
        {"issued": -1},
        {"expires": 1_000},
        {"previous": b""},
        {"previous": b"\x01" * 32},
        {"sequence": 2},
        {"signing_keys": (KeyEntry(SIGNER.public, 5, 5),)},
        {"signing_keys": (KeyEntry(SIGNER.public, -1, 5),)},
        {"signing_keys": (KeyEntry(ROOT.public, 1, 5),)},
        {"sealing_keys": (KeyEntry(OLD_SEAL.public, 1, 5), KeyEntry(OLD_SEAL.public, 5, 9))},
    ],
    ids=str,
)
def test_contradictions_are_refused(change: dict[str, Any]) -> None:
    assert _code(lambda: replace(FIRST, **change)) == "manifest_malformed"


def _edited(**change: object) -> bytes:
    fields = {**json.loads(FIRST.to_bytes()), **change}
    return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        b"[" * 100_000,
        FIRST.to_bytes() + b" ",
        FIRST.to_bytes().replace(b'"issued":1000', b'"issued":1000.0'),
        FIRST.to_bytes().replace(b'{"agency"', b'{"agency":"police","agency"'),
        _edited(extra=1),
        _edited(sequence=True),
        _edited(agency=7),
        _edited(previous="zz"),
        _edited(signing_keys=[{}]),
        _edited(signing_keys=None),
        _edited(manifest_key={"id": "00", "public": json.loads(FIRST.to_bytes())["manifest_key"]["public"]}),
        _edited(manifest_key={"id": "00", "public": "?"}),
        bytes(MAX_MANIFEST_BYTES + 1),
    ],
    ids=range(17),
)
def test_only_the_one_encoding_is_read(raw: bytes) -> None:
    assert _code(lambda: KeyManifest.from_bytes(raw)) == "manifest_malformed"


def test_keys_and_names_are_checked_by_their_own_rules() -> None:
    assert _code(lambda: KeyManifest.from_bytes(_edited(agency="Customs"))) == "identity_malformed"
    assert _code(lambda: KeyManifest.from_bytes(_edited(manifest_key={"public": "AAAA"}))) == "key_malformed"


@given(st.integers(1, 2**40), st.integers(0, 2**50), st.integers(1, 2**50))
def test_every_manifest_has_one_encoding(sequence: int, issued: int, life: int) -> None:
    previous = bytes(32) if sequence == 1 else b"\x01" * 32
    manifest = replace(FIRST, sequence=sequence, issued=issued, expires=issued + life, previous=previous)
    assert KeyManifest.from_bytes(manifest.to_bytes()) == manifest


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    with pytest.raises(PasserelleError):
        read_manifest(encode_signed(Signed(MANIFEST_TYPE, raw, Signature(b"", b"", b""))), "customs")
