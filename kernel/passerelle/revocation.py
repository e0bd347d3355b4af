"""Revocation: which leaves of a trust domain were taken back before they expired.

Rules
-----
1. A trust domain states its revoked serial numbers in a list (X.509 CRL, RFC 5280 section 5) signed by its
   issuing authority at work, and its revoked issuing authorities in a list signed by its root. Both come
   together as one PEM text, with the issuing authority's certificate. Whoever hands it on (a hub, a folder)
   can neither make nor change one.
2. The signer is verified under the roots of that trust domain alone. An issuing authority that the root has
   revoked signs nothing any more; once seen, such a revocation is remembered and a text without it refused.
3. A later list has a greater number; an older one is refused, so that nobody brings a leaf back.
4. A list is dated `LIST_LIFETIME` ahead and signed again well before. Who holds one that is older than
   `STALE` refuses everybody of that trust domain: whoever can withhold lists must not gain by it.
5. A trust domain of which no list was ever seen is refused. Where a side is told to do without (`required`
   is false, for development), such a one is bound by the life of its leaves and by suspension alone.

Reads touch two dictionaries and happen for every message; `accept` replaces whole values, so that a reader
in another thread sees the old or the new state.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from passerelle.clock import HOUR, SECOND, Clock
from passerelle.errors import PasserelleError
from passerelle.federation import Federation
from passerelle.identity import Identity, check_trust_domain

LIST_LIFETIME: Final = 900 * SECOND
STALE: Final = 24 * HOUR
SKEW: Final = 300 * SECOND
MAX_LIST_BYTES: Final = 512 * 1024
_MAX_PARTS: Final = 8
SUFFIX: Final = ".revocations"


@dataclass(frozen=True, slots=True)
class RevocationList:
    """A verified list. `serials` holds leaves and issuing authorities; times are microseconds UTC.

    `number` orders lists, `authorities` are the serial numbers among them that the root itself revoked.
    """

    trust_domain: str
    number: int
    made: int
    until: int
    serials: frozenset[int]
    authorities: frozenset[int]

    def check_fresh(self, now: int) -> None:
        """Rule 4.

        Raises:
            PasserelleError: `revocations_stale`.
        """
        if now - self.made > STALE:
            raise PasserelleError(
                "revocations_stale", f"{self.trust_domain}: {(now - self.made) // HOUR} hours"
            )


def read_list(pem: bytes, trust_domain: str, roots_pem: bytes, now: int) -> RevocationList:
    """Read and verify a trust domain's list (PEM) under its roots (PEM); rules 1 and 2.

    Raises:
        PasserelleError: `revocations_invalid`, `identity_malformed`, `certificate_malformed`.
    """
    check_trust_domain(trust_domain)
    authorities, lists = _parse(pem)
    roots = _certificates(roots_pem)
    revoked: set[int] = set()
    issued: list[tuple[x509.CertificateRevocationList, x509.Certificate]] = []
    for listed in lists:
        if _signer(listed, roots) is not None:
            revoked |= {entry.serial_number for entry in listed}
        elif (signer := _signer(listed, authorities)) is not None:
            issued.append((listed, signer))
        else:
            raise PasserelleError("revocations_invalid", f"{trust_domain}: nobody of it signed")
    if len(issued) != 1:
        raise PasserelleError("revocations_invalid", f"{trust_domain}: {len(issued)} lists of leaves")
    listed, signer = issued[0]
    _check_authority(signer, roots, revoked, now)
    made, until = _times(listed)
    if made > now + SKEW or until <= made:
        raise PasserelleError("revocations_invalid", f"{trust_domain}: dated ahead of this clock")
    serials = frozenset(entry.serial_number for entry in listed) | revoked
    return RevocationList(trust_domain, _number(listed), made, until, serials, frozenset(revoked))


class Revocations:
    """The lists that one side holds, by trust domain."""

    def __init__(self, clock: Clock, *, required: bool = True) -> None:
        """`required`: refuse whoever's trust domain has no list (rule 5)."""
        self._clock = clock
        self._required = required
        self._lists: Mapping[str, RevocationList] = {}
        self._barred: frozenset[tuple[str, int]] = frozenset()

    def accept(self, trust_domain: str, pem: bytes, roots_pem: bytes) -> RevocationList:
        """Take a list; the one already held changes nothing.

        Raises:
            PasserelleError: as `read_list`; `revocations_invalid`, also for an older list (rule 3).
        """
        fresh = read_list(pem, trust_domain, roots_pem, self._clock.now())
        known = self._lists.get(trust_domain)
        if known is not None:
            if fresh.number < known.number:
                raise PasserelleError("revocations_invalid", f"{trust_domain}: older than the one held")
            if known.authorities - fresh.authorities:
                raise PasserelleError("revocations_invalid", f"{trust_domain}: a revoked authority came back")
        self._lists = {**self._lists, trust_domain: fresh}
        return fresh

    def bar(self, certificates: frozenset[tuple[str, int]]) -> None:
        """Replace what this side itself refuses: trust domains with serial numbers."""
        self._barred = certificates

    @property
    def lists(self) -> tuple[RevocationList, ...]:
        """All lists held, by trust domain."""
        return tuple(self._lists[domain] for domain in sorted(self._lists))

    def check(self, trust_domain: str, *serials: int) -> None:
        """Pass silently where none of the serial numbers is revoked and the list is fresh.

        Raises:
            PasserelleError: `certificate_revoked`, `revocations_stale`, `revocations_missing`.
        """
        known = self._lists.get(trust_domain)
        if any((trust_domain, serial) in self._barred for serial in serials):
            raise PasserelleError("certificate_revoked", f"{trust_domain}: barred here")
        if known is None:
            if self._required:
                raise PasserelleError("revocations_missing", trust_domain)
            return
        if any(serial in known.serials for serial in serials):
            raise PasserelleError("certificate_revoked", f"{trust_domain}: by its list")
        known.check_fresh(self._clock.now())


class Standings:
    """Whether a party may take part: entry, suspension, then revocation. Implements `rpc.rule.Standing`."""

    def __init__(self, federation: Federation, revocations: Revocations) -> None:
        self._federation = federation
        self._revocations = revocations

    def check(self, identity: Identity, serial: int, issuer: int = 0) -> None:
        """Pass silently or raise; `issuer` is the serial number of the authority that issued the leaf.

        Raises:
            PasserelleError: as `Federation.check` and `Revocations.check`.
        """
        self._federation.check(identity, serial)
        self._revocations.check(identity.trust_domain, serial, issuer)


def _parse(pem: bytes) -> tuple[tuple[x509.Certificate, ...], tuple[x509.CertificateRevocationList, ...]]:
    if len(pem) > MAX_LIST_BYTES or pem.count(b"-----BEGIN") > _MAX_PARTS:
        raise PasserelleError("revocations_invalid", f"{len(pem)} bytes")
    marker = b"-----BEGIN X509 CRL-----"
    end = b"-----END X509 CRL-----"
    try:
        lists = tuple(
            x509.load_pem_x509_crl(marker + part.partition(end)[0] + end + b"\n")
            for part in pem.split(marker)[1:]
        )
        has = b"-----BEGIN CERTIFICATE-----" in pem
        return tuple(x509.load_pem_x509_certificates(pem)) if has else (), lists
    except ValueError as error:
        raise PasserelleError("revocations_invalid", "no PEM") from error


def _certificates(pem: bytes) -> tuple[x509.Certificate, ...]:
    try:
        return tuple(x509.load_pem_x509_certificates(pem))
    except ValueError as error:
        raise PasserelleError("certificate_malformed", "roots") from error


def _signer(
    listed: x509.CertificateRevocationList, candidates: tuple[x509.Certificate, ...]
) -> x509.Certificate | None:
    for candidate in candidates:
        try:
            if candidate.subject == listed.issuer and listed.is_signature_valid(candidate.public_key()):  # type: ignore[arg-type] # a key of another kind raises
                return candidate
        except (TypeError, ValueError):
            continue
    return None


def _check_authority(
    signer: x509.Certificate, roots: tuple[x509.Certificate, ...], revoked: set[int], now: int
) -> None:
    """The signer is an issuing authority of the trust domain, at work now and not revoked by the root."""
    if signer.serial_number in revoked:
        raise PasserelleError("revocations_invalid", "its authority was revoked")
    try:
        basic = signer.extensions.get_extension_for_class(x509.BasicConstraints).value
        usage = signer.extensions.get_extension_for_class(x509.KeyUsage).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError) as error:
        raise PasserelleError("revocations_invalid", "its signer is no authority") from error
    start, end = (
        _micro(signer.not_valid_before_utc.timestamp()),
        _micro(signer.not_valid_after_utc.timestamp()),
    )
    if not basic.ca or not usage.crl_sign or not start <= now < end:
        raise PasserelleError("revocations_invalid", "its signer is no authority, or not now")
    for root in roots:
        try:
            signer.verify_directly_issued_by(root)
        except (InvalidSignature, ValueError, TypeError):
            continue
        return
    raise PasserelleError("revocations_invalid", "its signer is not of this trust domain")


def _times(listed: x509.CertificateRevocationList) -> tuple[int, int]:
    if listed.next_update_utc is None:
        raise PasserelleError("revocations_invalid", "no end")
    return _micro(listed.last_update_utc.timestamp()), _micro(listed.next_update_utc.timestamp())


def _number(listed: x509.CertificateRevocationList) -> int:
    try:
        return listed.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError) as error:
        raise PasserelleError("revocations_invalid", "no number") from error


def _micro(seconds: float) -> int:
    return int(seconds) * SECOND
