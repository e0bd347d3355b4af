"""Leaf certificates: the exact profile, and a peer's chain verified against its own trust domain.

Rules
-----
1. A leaf is ECDSA P-256, no authority, for signatures only, valid for at most seven days, with no
   extension beyond those of the profile. Everything else is refused, critical or not.
2. Names: exactly one URI, the identity; a server leaf carries exactly one DNS name beside it,
   `server_name` of that identity. No other kind of name.
3. One leaf, one use: the extended key usage is exactly clientAuth or exactly serverAuth. A party that both
   listens and calls (hub, trustee, pki) holds two leaves of one identity, so that a stolen server key
   cannot call.
4. The chain is verified against the roots of the leaf's own trust domain and no others, whatever TLS
   trusted before: in one flat bundle every authority could mint every identity.
5. Verification order, each step with a code of its own: (1) read, (2) names, (3) usage, (4) profile,
   (5) time, (6) chain. A result is valid for `not_before <= now < not_after` only, which are those of the
   whole chain; the holder of a cached result checks them again (`PeerCertificate.check_time`).

No tolerance for skewed clocks is given here: the authority dates leaves five minutes back instead
(RFC 5280 4.1.2.5).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import verification
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, ObjectIdentifier

from passerelle.clock import DAY, SECOND, moment
from passerelle.errors import PasserelleError
from passerelle.identity import Identity, Role

LEAF_LIFETIME: Final = 7 * DAY
BACKDATING: Final = 300 * SECOND
MAX_INTERMEDIATES: Final = 1
_MAX_CHAIN_CERTIFICATES: Final = 4
_EXTENSIONS: Final = frozenset(
    {
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
        ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
        ExtensionOID.SUBJECT_KEY_IDENTIFIER,
    }
)


_UNREADABLE: Final = (ValueError, x509.DuplicateExtension, UnsupportedAlgorithm)
"""What the library raises, late, for a part of a certificate that it cannot read."""


class Usage(StrEnum):
    """Which side of a connection a leaf is for."""

    CLIENT = "client"
    SERVER = "server"

    @property
    def oid(self) -> ObjectIdentifier:
        """The extended key usage (RFC 5280 4.2.1.12)."""
        server = self is Usage.SERVER
        return ExtendedKeyUsageOID.SERVER_AUTH if server else ExtendedKeyUsageOID.CLIENT_AUTH


# Which leaves a role may hold; an authority issues no others and no peer accepts others.
USAGES: Final = {
    Role.HUB: frozenset({Usage.SERVER, Usage.CLIENT}),
    Role.TRUSTEE: frozenset({Usage.SERVER, Usage.CLIENT}),
    Role.PKI: frozenset({Usage.SERVER, Usage.CLIENT}),
    Role.CONNECTOR: frozenset({Usage.CLIENT}),
    Role.OPERATOR: frozenset({Usage.CLIENT}),
    Role.SUPERVISOR: frozenset({Usage.CLIENT}),
    Role.WITNESS: frozenset({Usage.CLIENT}),
}


@dataclass(frozen=True, slots=True)
class PeerCertificate:
    """A verified leaf. Times are microseconds UTC and hold for the whole chain.

    `fingerprint` is the SHA-256 of the leaf's DER encoding (32 bytes), `issuer` the serial number of the
    certificate that issued the leaf.
    """

    identity: Identity
    usage: Usage
    serial: int
    fingerprint: bytes
    not_before: int
    not_after: int
    issuer: int = 0

    def check_time(self, now: int) -> None:
        """Check that the chain is valid at `now`.

        Raises:
            PasserelleError: `certificate_expired`, `certificate_not_yet_valid`.
        """
        if now >= self.not_after:
            raise PasserelleError("certificate_expired", str(self.identity))
        if now < self.not_before:
            raise PasserelleError("certificate_not_yet_valid", str(self.identity))


def read_chain(pem: bytes) -> tuple[x509.Certificate, ...]:
    """The certificates of a PEM text, leaf first; at most four.

    Raises:
        PasserelleError: `certificate_malformed`.
    """
    try:
        chain = tuple(x509.load_pem_x509_certificates(pem))
    except (ValueError, x509.InvalidVersion) as error:
        raise PasserelleError("certificate_malformed", "no PEM certificates") from error
    if len(chain) > _MAX_CHAIN_CERTIFICATES:
        raise PasserelleError("certificate_malformed", f"{len(chain)} certificates in one chain")
    return chain


def verify_peer(chain_pem: bytes, roots_pem: bytes, now: int, usage: Usage) -> PeerCertificate:
    """Verify a peer's chain (PEM, leaf first) against the roots (PEM) of the leaf's own trust domain.

    The caller picks the roots with `claimed_identity`, which this function verifies.

    Raises:
        PasserelleError: `certificate_malformed`, `certificate_name_missing`, `certificate_names_wrong`,
            `identity_malformed`, `certificate_usage_wrong`, `certificate_profile_wrong`,
            `certificate_expired`, `certificate_not_yet_valid`, `certificate_untrusted`.
    """
    leaf, *intermediates = read_chain(chain_pem)  # (1)
    identity = check_leaf(leaf, usage)  # (2) (3) (4)
    _leaf_certificate(leaf, identity, usage, (leaf,)).check_time(now)  # (5)
    verified = _verify_chain(leaf, intermediates, roots_pem, now, identity, usage)  # (6)
    certificate = _leaf_certificate(leaf, identity, usage, verified)
    certificate.check_time(now)
    return certificate


def claimed_identity(leaf: x509.Certificate, usage: Usage) -> Identity:
    """The identity that a leaf claims; not verified, good only for picking the roots to verify it with.

    Raises:
        PasserelleError: `certificate_name_missing`, `certificate_names_wrong`, `identity_malformed`,
            `certificate_malformed`.
    """
    try:
        return _identity(leaf, usage)
    except _UNREADABLE as error:
        raise PasserelleError("certificate_malformed", "unreadable extension") from error


def check_leaf(leaf: x509.Certificate, usage: Usage) -> Identity:
    """Check names, usage and profile of a leaf (rules 1 to 3), but neither its time nor its chain.

    Raises:
        PasserelleError: as `verify_peer`, except for time and chain.
    """
    try:
        identity = _identity(leaf, usage)  # (2)
        _check_usage(leaf, identity, usage)  # (3)
        _check_profile(leaf)  # (4)
    except _UNREADABLE as error:
        raise PasserelleError("certificate_malformed", "unreadable extension") from error
    return identity


def _identity(leaf: x509.Certificate, usage: Usage) -> Identity:
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        raise PasserelleError("certificate_name_missing", "no subject alternative name") from None
    uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    if not uris:
        raise PasserelleError("certificate_name_missing", "no URI name")
    if len(uris) > 1:
        raise PasserelleError("certificate_names_wrong", f"{len(uris)} URI names")
    identity = Identity.parse(uris[0])
    wanted = [identity.server_name] if usage is Usage.SERVER else []
    if names.get_values_for_type(x509.DNSName) != wanted or len(tuple(names)) != 1 + len(wanted):
        raise PasserelleError("certificate_names_wrong", f"{usage} leaf with names beyond its identity")
    return identity


def _check_usage(leaf: x509.Certificate, identity: Identity, usage: Usage) -> None:
    try:
        oids = tuple(leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    except x509.ExtensionNotFound:
        oids = ()
    if oids != (usage.oid,):
        raise PasserelleError("certificate_usage_wrong", f"extended key usage is not exactly {usage}")
    if usage not in USAGES[identity.role]:
        raise PasserelleError("certificate_usage_wrong", f"a {identity.role} holds no {usage} leaf")


def _check_profile(leaf: x509.Certificate) -> None:
    key = leaf.public_key()
    if not (isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1)):
        raise PasserelleError("certificate_profile_wrong", "key is not ECDSA P-256")
    if any(extension.oid not in _EXTENSIONS for extension in leaf.extensions):
        raise PasserelleError("certificate_profile_wrong", "extension outside the profile")
    try:
        basic = leaf.extensions.get_extension_for_class(x509.BasicConstraints).value
        key_usage = leaf.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        raise PasserelleError("certificate_profile_wrong", "basic constraints or key usage missing") from None
    if basic.ca or key_usage != leaf_key_usage():
        raise PasserelleError("certificate_profile_wrong", "an authority, or more than signatures")
    lifetime = leaf.not_valid_after_utc - leaf.not_valid_before_utc
    if lifetime.total_seconds() * SECOND > LEAF_LIFETIME + BACKDATING:
        raise PasserelleError("certificate_profile_wrong", "valid for more than seven days")


def leaf_key_usage() -> x509.KeyUsage:
    """Digital signatures and nothing else: TLS 1.3 needs no more."""
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _verify_chain(
    leaf: x509.Certificate,
    intermediates: list[x509.Certificate],
    roots_pem: bytes,
    now: int,
    identity: Identity,
    usage: Usage,
) -> tuple[x509.Certificate, ...]:
    store = verification.Store(list(read_chain(roots_pem)))
    builder = verification.PolicyBuilder().store(store).time(moment(now)).max_chain_depth(MAX_INTERMEDIATES)
    try:
        if usage is Usage.SERVER:
            verifier = builder.build_server_verifier(x509.DNSName(identity.server_name))
            return tuple(verifier.verify(leaf, intermediates))
        return tuple(builder.build_client_verifier().verify(leaf, intermediates).chain)
    except verification.VerificationError as error:
        raise PasserelleError("certificate_untrusted", f"{identity}: {error}") from error


def _leaf_certificate(
    leaf: x509.Certificate, identity: Identity, usage: Usage, chain: tuple[x509.Certificate, ...]
) -> PeerCertificate:
    return PeerCertificate(
        identity=identity,
        usage=usage,
        serial=leaf.serial_number,
        fingerprint=leaf.fingerprint(hashes.SHA256()),
        not_before=max(_micro(item.not_valid_before_utc.timestamp()) for item in chain),
        not_after=min(_micro(item.not_valid_after_utc.timestamp()) for item in chain),
        issuer=chain[1].serial_number if len(chain) > 1 else 0,
    )


def _micro(seconds: float) -> int:
    return int(seconds) * SECOND
