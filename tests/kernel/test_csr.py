"""Requests: what a party makes reads back, everything else is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID

from passerelle.certificate import Usage
from passerelle.csr import key_pem, load_key, make_request, new_key, obtain_key, read_request
from passerelle.errors import PasserelleError
from passerelle.identity import Identity, Role

HUB = Identity("hub.example", Role.HUB, "centre")
URI = x509.UniformResourceIdentifier(str(HUB))
DNS = x509.DNSName(HUB.server_name)
SERVER = (ExtendedKeyUsageOID.SERVER_AUTH,)
CLIENT = (ExtendedKeyUsageOID.CLIENT_AUTH,)


@pytest.mark.parametrize("usage", Usage)
def test_a_request_reads_back(usage: Usage) -> None:
    key = new_key()
    request = read_request(make_request(key, HUB, usage))
    assert (request.identity, request.usage) == (HUB, usage)
    assert request.public_key == key.public_key()


def test_a_key_is_stored_as_pkcs8() -> None:
    key = new_key()
    assert serialization.load_pem_private_key(key_pem(key), None).public_key() == key.public_key()
    assert load_key(key_pem(key)).public_key() == key.public_key()


def _encoded(key: Any, protection: serialization.KeySerializationEncryption) -> bytes:
    pem: bytes = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection)
    return pem


@pytest.mark.parametrize(
    "pem",
    [
        b"",
        b"-----BEGIN PRIVATE KEY-----",
        _encoded(ed25519.Ed25519PrivateKey.generate(), serialization.NoEncryption()),
    ],
)
def test_what_is_no_plain_elliptic_curve_key_is_refused(pem: bytes) -> None:
    with pytest.raises(PasserelleError, match="key_file_malformed"):
        load_key(pem)


def test_a_key_is_made_once(tmp_path: Path) -> None:
    made = obtain_key(tmp_path / "leaf-key.pem")
    assert (tmp_path / "leaf-key.pem").stat().st_mode & 0o777 == 0o600
    assert obtain_key(tmp_path / "leaf-key.pem").public_key() == made.public_key()


def _request(
    names: tuple[x509.GeneralName, ...] | None, usage: tuple[x509.ObjectIdentifier, ...] | None, key: Any
) -> bytes:
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    if names is not None:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=True)
    if usage is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage(usage), critical=False)
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(key, algorithm).public_bytes(serialization.Encoding.PEM)


@pytest.mark.parametrize(
    ("names", "usage"),
    [
        (None, CLIENT),
        ((URI,), None),
        ((DNS,), SERVER),
        ((URI,), SERVER),
        ((URI, DNS), CLIENT),
        ((DNS, URI), SERVER),
        ((URI, URI), CLIENT),
        ((URI, x509.DNSName("hub.example")), SERVER),
        ((URI, DNS, x509.DNSName("more.example")), SERVER),
        ((URI, DNS), SERVER + CLIENT),
        ((URI,), (ExtendedKeyUsageOID.CODE_SIGNING,)),
    ],
)
def test_a_request_for_anything_but_one_identity_and_use_is_refused(
    names: tuple[x509.GeneralName, ...] | None, usage: tuple[x509.ObjectIdentifier, ...] | None
) -> None:
    with pytest.raises(PasserelleError, match="request_invalid"):
        read_request(_request(names, usage, new_key()))


@pytest.mark.parametrize(
    "key", [ec.generate_private_key(ec.SECP384R1()), ed25519.Ed25519PrivateKey.generate()]
)
def test_a_request_for_another_kind_of_key_is_refused(key: Any) -> None:
    with pytest.raises(PasserelleError, match="request_invalid"):
        read_request(_request((URI,), CLIENT, key))


def test_a_malformed_identity_is_refused() -> None:
    name = x509.UniformResourceIdentifier("spiffe://hub.example/director/centre")
    with pytest.raises(PasserelleError, match="identity_malformed"):
        read_request(_request((name,), CLIENT, new_key()))


def test_a_request_that_its_key_did_not_sign_is_refused() -> None:
    text = make_request(new_key(), HUB, Usage.CLIENT)
    der = x509.load_pem_x509_csr(text).public_bytes(serialization.Encoding.DER)
    damaged = x509.load_der_x509_csr(der[:-1] + bytes([der[-1] ^ 1]))
    with pytest.raises(PasserelleError, match="request_invalid"):
        read_request(damaged.public_bytes(serialization.Encoding.PEM))


@pytest.mark.parametrize("text", [b"", b"nothing"])
def test_what_is_no_request_is_refused(text: bytes) -> None:
    with pytest.raises(PasserelleError, match="request_invalid"):
        read_request(text)
