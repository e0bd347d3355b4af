"""Revocation lists as this authority signs them; how they are read stands in `passerelle.revocation`.

A list holds every revoked number of the trust domain that has not expired by itself, is signed by the issuing
authority at work, and is dated fifteen minutes ahead. Issuing authorities are revoked by the root alone, in
a list of its own (`authority_list`), made where the root's key is: in a ceremony.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from passerelle.clock import DAY, SECOND, moment
from passerelle.revocation import LIST_LIFETIME

AUTHORITY_LIST_LIFETIME: Final = 3652 * DAY


@dataclass(frozen=True, slots=True)
class Revoked:
    """A revoked serial number, and since when (microseconds UTC)."""

    serial: int
    at: int


def revocation_list(
    revoked: Iterable[Revoked], issuing: x509.Certificate, key: ec.EllipticCurvePrivateKey, now: int
) -> x509.CertificateRevocationList:
    """The signed list of a trust domain's revoked leaves."""
    return _signed(revoked, issuing, key, now, LIST_LIFETIME)


def authority_list(
    revoked: Iterable[Revoked], root: x509.Certificate, key: ec.EllipticCurvePrivateKey, now: int
) -> x509.CertificateRevocationList:
    """The root's signed list of revoked issuing authorities; it holds as long as the root."""
    return _signed(revoked, root, key, now, AUTHORITY_LIST_LIFETIME)


def _signed(
    revoked: Iterable[Revoked],
    signer: x509.Certificate,
    key: ec.EllipticCurvePrivateKey,
    now: int,
    lifetime: int,
) -> x509.CertificateRevocationList:
    """Numbered by its time in microseconds, so that a later list has a greater number."""
    when = moment(now).replace(microsecond=0)
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(signer.subject)
        .last_update(when)
        .next_update(when + timedelta(seconds=lifetime // SECOND))
        .add_extension(x509.CRLNumber(now), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
    )
    for one in sorted(revoked, key=lambda item: item.serial):
        since = moment(one.at).replace(microsecond=0)
        entry = x509.RevokedCertificateBuilder().serial_number(one.serial).revocation_date(since).build()
        builder = builder.add_revoked_certificate(entry)
    return builder.sign(key, hashes.SHA384())
