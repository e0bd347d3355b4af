"""Registry entries: signed, read only in their one encoding, and the base of who may take part."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerelle.clock import ManualClock
from passerelle.errors import PasserelleError
from passerelle.federation import Federation
from passerelle.identity import Identity, Role
from passerelle.registry_entry import (
    MAX_ENTRY_BYTES,
    RegistryEntry,
    Status,
    decode_entry,
    encode_entry,
    sign_entry,
    verify_entry,
)
from passerelle.sign import Signed, SigningKey
from passerelle_pki.ceremony import create_authority


@cache
def roots(domain: str) -> bytes:
    """The root of a fresh authority of one domain."""
    with TemporaryDirectory() as folder:
        return create_authority(Path(folder, "authority"), domain, ManualClock()).roots


KEY = SigningKey(bytes(range(64)))
POLICE = RegistryEntry(
    agency="police",
    trust_domain="police.example",
    roles=(Role.CONNECTOR, Role.TRUSTEE),
    name="Police fédérale",
    roots_pem=roots("police.example"),
    manifest=b"\x00\xffsigned manifest",
    status=Status.ACTIVE,
    revision=1,
    issued=5,
)
CUSTOMS = replace(
    POLICE,
    agency="customs",
    trust_domain="customs.example",
    roots_pem=roots("customs.example"),
    roles=(Role.CONNECTOR,),
)


def test_a_signed_entry_reads_back() -> None:
    assert verify_entry(sign_entry(KEY, POLICE), KEY.public) == POLICE
    assert POLICE.identity(Role.TRUSTEE) == Identity("police.example", Role.TRUSTEE, "police")
    with pytest.raises(PasserelleError, match="registry_entry_invalid"):
        POLICE.identity(Role.HUB)


def test_an_entry_of_another_key_or_with_changed_bytes_is_refused() -> None:
    signed = sign_entry(KEY, POLICE)
    with pytest.raises(PasserelleError, match="signature_wrong_key"):
        verify_entry(signed, SigningKey(bytes(64)).public)
    changed = Signed(signed.payload_type, encode_entry(CUSTOMS), signed.signature)
    with pytest.raises(PasserelleError, match="signature_invalid"):
        verify_entry(changed, KEY.public)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("agency", "Police"),
        ("agency", 7),
        ("trust_domain", "police..example"),
        ("roles", []),
        ("roles", ["trustee", "connector"]),
        ("roles", ["connector", "connector"]),
        ("roles", ["director"]),
        ("roles", None),
        ("name", ""),
        ("name", "x" * 121),
        ("name", "two\nlines"),
        ("roots", ""),
        ("roots", "not base64!"),
        ("manifest", None),
        ("status", "unknown"),
        ("revision", 0),
        ("revision", True),
        ("revision", 1.0),
        ("issued", -1),
        ("more", "field"),
    ],
)
def test_a_departure_from_the_form_is_refused(field: str, value: Any) -> None:
    fields = {**json.loads(encode_entry(POLICE)), field: value}
    payload = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    with pytest.raises(PasserelleError) as caught:
        decode_entry(payload)
    assert caught.value.code in {"registry_entry_invalid", "identity_malformed", "certificate_malformed"}


def test_only_the_one_encoding_is_read() -> None:
    with pytest.raises(PasserelleError, match="registry_entry_invalid"):
        decode_entry(json.dumps(json.loads(encode_entry(POLICE))).encode())
    with pytest.raises(PasserelleError, match="registry_entry_invalid"):
        decode_entry(b" " * (MAX_ENTRY_BYTES + 1))
    with pytest.raises(PasserelleError, match="registry_entry_invalid"):
        decode_entry(b"[" * 100_000)


@given(st.binary(max_size=200))
def test_other_bytes_are_refused(payload: bytes) -> None:
    with pytest.raises(PasserelleError):
        decode_entry(payload)


@given(st.integers(0, len(encode_entry(POLICE)) - 1), st.integers(1, 255))
def test_a_changed_byte_is_refused_or_changes_the_entry(at: int, flip: int) -> None:
    payload = bytearray(encode_entry(POLICE))
    payload[at] ^= flip
    try:
        entry = decode_entry(bytes(payload))
    except PasserelleError:
        return
    assert entry != POLICE


def federation(*entries: RegistryEntry) -> Federation:
    return Federation("hub.example", roots("hub.example"), entries)


def outcome(known: Federation, identity: Identity, serial: int = 1) -> str:
    try:
        known.check(identity, serial)
    except PasserelleError as error:
        return error.code
    return "ok"


def test_a_registered_party_stands_in_its_own_roles_and_domain_only() -> None:
    known = federation(POLICE, CUSTOMS)
    assert outcome(known, Identity("police.example", Role.CONNECTOR, "police")) == "ok"
    assert outcome(known, Identity("police.example", Role.HUB, "police")) == "role_not_allowed"
    assert outcome(known, Identity("customs.example", Role.TRUSTEE, "customs")) == "role_not_allowed"
    assert outcome(known, Identity("customs.example", Role.CONNECTOR, "police")) == "agency_unknown"
    assert outcome(known, Identity("police.example", Role.CONNECTOR, "customs")) == "agency_unknown"
    assert outcome(known, Identity("police.example", Role.CONNECTOR, "fire")) == "agency_unknown"


def told(known: Federation, agency: str) -> str:
    try:
        known.check_party(agency)
    except PasserelleError as error:
        return error.code
    return "ok"


def test_nothing_is_told_to_a_suspended_or_removed_party() -> None:
    known = federation(POLICE, CUSTOMS)
    assert [told(known, name) for name in ("police", "customs", "nobody")] == ["ok", "ok", "ok"]
    known.suspend(["customs"])
    known.accept(replace(POLICE, revision=2, status=Status.SUSPENDED))
    assert [told(known, name) for name in ("police", "customs")] == ["agency_suspended"] * 2
    known.suspend([])
    known.accept(replace(POLICE, revision=3, status=Status.REMOVED))
    assert [told(known, name) for name in ("police", "customs")] == ["agency_unknown", "ok"]


def test_the_home_domain_vouches_for_its_operators_alone() -> None:
    known = federation(POLICE)
    assert outcome(known, Identity("hub.example", Role.OPERATOR, "anna")) == "ok"
    assert outcome(known, Identity("hub.example", Role.PKI, "centre")) == "ok"
    assert outcome(known, Identity("hub.example", Role.CONNECTOR, "police")) == "agency_unknown"
    assert outcome(known, Identity("police.example", Role.OPERATOR, "anna")) == "agency_unknown"


def test_suspension_is_reversible_and_removal_withdraws_the_roots() -> None:
    known, police = federation(POLICE), Identity("police.example", Role.CONNECTOR, "police")
    known.accept(replace(POLICE, revision=2, status=Status.SUSPENDED))
    assert outcome(known, police) == "agency_suspended"
    assert known.roots("police.example") == POLICE.roots_pem
    known.accept(replace(POLICE, revision=3))
    assert outcome(known, police) == "ok"
    known.accept(replace(POLICE, revision=4, status=Status.REMOVED))
    assert outcome(known, police) == "agency_unknown"
    with pytest.raises(PasserelleError, match="trust_domain_unknown"):
        known.roots("police.example")
    assert known.bundle() == roots("hub.example")
    assert known.entry("police").status is Status.REMOVED


def test_entries_are_taken_in_order_only() -> None:
    known = federation(replace(POLICE, revision=2), POLICE)
    known.accept(replace(POLICE, revision=2))
    assert known.entries == (replace(POLICE, revision=2),)
    for stale in (POLICE, replace(POLICE, revision=2, name="Other")):
        with pytest.raises(PasserelleError, match="registry_entry_invalid"):
            known.accept(stale)
    with pytest.raises(PasserelleError, match="registry_entry_invalid"):
        known.accept(replace(CUSTOMS, agency="police", revision=3))
    with pytest.raises(PasserelleError, match="agency_unknown"):
        known.entry("customs")


def test_parties_of_one_domain_share_the_roots_issued_last() -> None:
    rolled = replace(POLICE, agency="police-south", roots_pem=CUSTOMS.roots_pem, issued=POLICE.issued + 1)
    known = federation(POLICE, rolled)
    assert known.roots("police.example") == rolled.roots_pem
    assert known.bundle().count(b"BEGIN CERTIFICATE") == 2


def test_no_entry_replaces_the_roots_of_the_home_domain() -> None:
    known = federation(replace(POLICE, trust_domain="hub.example"))
    assert known.roots("hub.example") == roots("hub.example")


def test_a_revoked_serial_is_refused_in_its_own_domain_until_the_list_says_otherwise() -> None:
    known, police = federation(POLICE, CUSTOMS), POLICE.identity(Role.CONNECTOR)
    known.revoke("police.example", [7])
    known.revoke("customs.example", [8])
    assert outcome(known, police, 7) == "certificate_revoked"
    assert outcome(known, police, 8) == "ok"
    assert outcome(known, CUSTOMS.identity(Role.CONNECTOR), 7) == "ok"
    known.revoke("police.example", [])
    assert outcome(known, police, 7) == "ok"
    assert outcome(known, CUSTOMS.identity(Role.CONNECTOR), 8) == "certificate_revoked"
