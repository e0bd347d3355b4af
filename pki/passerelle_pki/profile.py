"""The three certificates of a trust domain, built exactly by profile.

| | key | valid | constraint |
|---|---|---|---|
| root (offline) | P-384 | 10 years | authority, one authority below |
| issuing | P-384 | 2 years, never past the root | authority, none below |
| leaf | P-256 | 7 days, never past the issuing authority | `passerelle.certificate` |

All are dated `BACKDATING` before `now`, so that peers whose clocks run late accept a fresh leaf, and
signed ECDSA with SHA-384. An authority's subject names its trust domain by domain components (RFC 4519
2.4) and the day it was made, so that subjects of several domains and of several generations differ. A
leaf's subject is empty: its identity stands in one place.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from passerelle.certificate import BACKDATING, LEAF_LIFETIME, leaf_key_usage
from passerelle.clock import DAY, moment
from passerelle.csr import Request, leaf_names
from passerelle.errors import PasserelleError

ROOT_LIFETIME: Final = 3652 * DAY
ISSUING_LIFETIME: Final = 730 * DAY


def new_authority_key() -> ec.EllipticCurvePrivateKey:
    """A fresh key for a root or an issuing authority (P-384)."""
    return ec.generate_private_key(ec.SECP384R1())


def root_certificate(
    key: ec.EllipticCurvePrivateKey, trust_domain: str, now: int, lifetime: int = ROOT_LIFETIME
) -> x509.Certificate:
    """A self-signed root; `now` and `lifetime` in microseconds."""
    subject = _subject(trust_domain, "root", now)
    builder = _dated(x509.CertificateBuilder(), now, _second(now + lifetime))
    builder = builder.subject_name(subject).issuer_name(subject).serial_number(x509.random_serial_number())
    return _authority(builder, key.public_key(), 1).sign(key, hashes.SHA384())


def issuing_certificate(
    key: ec.EllipticCurvePublicKey,
    root: x509.Certificate,
    root_key: ec.EllipticCurvePrivateKey,
    trust_domain: str,
    now: int,
    lifetime: int = ISSUING_LIFETIME,
) -> x509.Certificate:
    """The certificate of an issuing authority under `root`; `now` and `lifetime` in microseconds."""
    end = min(_second(now + lifetime), root.not_valid_after_utc)
    builder = _dated(x509.CertificateBuilder(), now, end)
    builder = builder.subject_name(_subject(trust_domain, "issuing", now)).issuer_name(root.subject)
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.add_extension(_issuer_key(root_key.public_key()), critical=False)
    return _authority(builder, key, 0).sign(root_key, hashes.SHA384())


def leaf_certificate(
    request: Request, serial: int, issuing: x509.Certificate, key: ec.EllipticCurvePrivateKey, now: int
) -> x509.Certificate:
    """The leaf that a checked request asks for, under the given serial number; `now` in microseconds.

    Raises:
        PasserelleError: `certificate_expired`, the issuing authority itself.
    """
    if issuing.not_valid_after_utc <= moment(now):
        raise PasserelleError("certificate_expired", "the issuing authority")
    end = min(_second(now + LEAF_LIFETIME), issuing.not_valid_after_utc)
    names = x509.SubjectAlternativeName(leaf_names(request.identity, request.usage))
    return (
        _dated(x509.CertificateBuilder(), now, end)
        .subject_name(x509.Name([]))
        .issuer_name(issuing.subject)
        .serial_number(serial)
        .public_key(request.public_key)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(leaf_key_usage(), critical=True)
        .add_extension(x509.ExtendedKeyUsage([request.usage.oid]), critical=False)
        .add_extension(names, critical=True)  # RFC 5280 4.2.1.6: critical, since the subject is empty
        .add_extension(_issuer_key(key.public_key()), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(request.public_key), critical=False)
        .sign(key, hashes.SHA384())
    )


def _authority(
    builder: x509.CertificateBuilder, key: ec.EllipticCurvePublicKey, path_length: int
) -> x509.CertificateBuilder:
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        builder.public_key(key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _dated(builder: x509.CertificateBuilder, now: int, end: datetime) -> x509.CertificateBuilder:
    return builder.not_valid_before(_second(now - BACKDATING)).not_valid_after(end)


def _subject(trust_domain: str, rank: str, now: int) -> x509.Name:
    labels = [
        x509.NameAttribute(NameOID.DOMAIN_COMPONENT, label) for label in reversed(trust_domain.split("."))
    ]
    day = x509.NameAttribute(NameOID.COMMON_NAME, f"{rank} {_second(now):%Y-%m-%d}")
    return x509.Name([*labels, day])


def _issuer_key(key: ec.EllipticCurvePublicKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key)


def _second(now: int) -> datetime:
    """Certificates hold whole seconds."""
    return moment(now).replace(microsecond=0)
