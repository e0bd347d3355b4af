"""The authority of one trust domain: a request in, a leaf out.

Protocol of `issue_leaf`, every step durable before the next:
(1) read and check the request; (2) compare it with what was approved; (3) reserve a fresh serial number;
(4) sign; (5) verify the chain exactly as a peer will; (6) record the leaf; (7) hand it out.

Fault table
| fails at | state afterwards | what the operator does |
|---|---|---|
| (3) | nothing, or a reserved number without leaf | issues again |
| (4) (5) | a reserved number without leaf | issues again; the number is never used |
| (6) | a leaf was signed and is known by its number; it was not handed out | issues again |
| (7) | the leaf is recorded; the requester may lack it | issues again, may revoke the number |

So no leaf that anybody holds is unknown to the store. One process per folder; calls are serialised by SQLite.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from cryptography import x509

from passerelle.certificate import USAGES, PeerCertificate, Usage, verify_peer
from passerelle.clock import Clock
from passerelle.csr import read_request
from passerelle.errors import PasserelleError
from passerelle.identity import Identity
from passerelle_pki.issuer import FileIssuer, Issuer
from passerelle_pki.store import open_database
from passerelle_pki.store.certificates import CertificateStore

DOMAIN_FILE: Final = "trust-domain"
DATABASE_FILE: Final = "issued.sqlite"


class Authority:
    """Issues leaves of one trust domain and remembers each.

    `serials` yields fresh serial numbers of at least 64 random bits (default: 159).
    """

    def __init__(
        self,
        trust_domain: str,
        issuer: Issuer,
        store: CertificateStore,
        clock: Clock,
        serials: Callable[[], int] = x509.random_serial_number,
    ) -> None:
        self.trust_domain: Final = trust_domain
        self.store: Final = store
        self._issuer = issuer
        self._clock = clock
        self._serials = serials

    @property
    def roots(self) -> bytes:
        """The roots (PEM) of the trust domain."""
        return self._issuer.roots

    def issue_leaf(self, identity: Identity, request_pem: bytes, usage: Usage) -> bytes:
        """Issue the leaf that a request (PEM) asks for, if it is for the approved identity and use.

        Returns:
            The chain (PEM): leaf, then issuing authority.

        Raises:
            PasserelleError: `request_invalid`, `identity_malformed`, `issue_refused`, `issue_interrupted`,
                `certificate_expired`, the issuing authority itself.
        """
        request = read_request(request_pem)  # (1)
        approved = request.identity == identity and request.usage is usage  # (2)
        if not approved or identity.trust_domain != self.trust_domain or usage not in USAGES[identity.role]:
            raise PasserelleError("issue_refused", f"{usage} leaf for {identity}")
        now, serial = self._clock.now(), self._serials()
        self.store.reserve(serial, identity, usage, now)  # (3)
        chain = self._issuer.issue(request, serial, now)  # (4)
        leaf = verify_peer(chain, self.roots, now, usage)  # (5)
        self._check(leaf, identity, serial)
        self.store.record(leaf, chain)  # (6)
        return chain  # (7)

    def _check(self, leaf: PeerCertificate, identity: Identity, serial: int) -> None:
        if leaf.identity != identity or leaf.serial != serial:
            raise PasserelleError("issue_interrupted", "the issuer signed something else")


def open_authority(folder: Path, clock: Clock) -> Authority:
    """The authority of a folder that `passerelle_pki.ceremony` made.

    Raises:
        PasserelleError: `authority_unreadable`, `authority_version`, what reading a key file raises.
    """
    try:
        trust_domain = (folder / DOMAIN_FILE).read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise PasserelleError("authority_unreadable", type(error).__name__) from error
    store = CertificateStore(open_database(folder / DATABASE_FILE))
    return Authority(trust_domain, FileIssuer(folder), store, clock)
