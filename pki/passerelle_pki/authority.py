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

from passerelle.certificate import USAGES, PeerCertificate, Usage, read_chain, verify_peer
from passerelle.clock import Clock
from passerelle.csr import read_request
from passerelle.errors import PasserelleError
from passerelle.identity import Identity
from passerelle_pki.issuer import ROOT_FILE, ExternalIssuer, Issuer, KeyIssuer, open_issuer
from passerelle_pki.store import open_database
from passerelle_pki.store.certificates import CertificateStore
from passerelle_pki.store.generations import FIRST, GenerationState, GenerationStore

DOMAIN_FILE: Final = "trust-domain"
DATABASE_FILE: Final = "issued.sqlite"
GENERATIONS_FOLDER: Final = "generations"


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

    def use(self, issuer: Issuer) -> None:
        """Issue with another issuing authority from now on (roll-over)."""
        self._issuer = issuer

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

    def adopt_leaf(self, identity: Identity, request_pem: bytes, chain: bytes, usage: Usage) -> bytes:
        """Take a leaf that another authority issued for a request, once it holds as a peer will see it.

        Steps (1), (2), (5) to (7) as above; the number is the other authority's.

        Raises:
            PasserelleError: `request_invalid`, `issue_refused`, also for another key; any certificate code;
                `issue_interrupted`, the number was imported before.
        """
        request = read_request(request_pem)
        if request.identity != identity or identity.trust_domain != self.trust_domain:
            raise PasserelleError("issue_refused", f"{usage} leaf for {identity}")
        now = self._clock.now()
        leaf = verify_peer(chain, self.roots, now, usage)
        if leaf.identity != identity or read_chain(chain)[0].public_key() != request.public_key:
            raise PasserelleError("issue_refused", "a leaf for another identity or key")
        self.store.reserve(leaf.serial, identity, usage, now)
        self.store.record(leaf, chain)
        return chain

    def _check(self, leaf: PeerCertificate, identity: Identity, serial: int) -> None:
        if leaf.identity != identity or leaf.serial != serial:
            raise PasserelleError("issue_interrupted", "the issuer signed something else")


def open_authority(folder: Path, clock: Clock) -> Authority:
    """The authority of a folder that `passerelle_pki.ceremony` made, with its issuing authority at work.

    Raises:
        PasserelleError: `authority_unreadable`, `authority_version`, `token_unavailable`, what reading a key
            file raises.
    """
    store = CertificateStore(open_database(folder / DATABASE_FILE)) if folder.is_dir() else None
    if store is None:
        raise PasserelleError("authority_unreadable", f"{folder.name} is not there")
    return Authority(trust_domain_of(folder), active_issuer(folder), store, clock)


def trust_domain_of(folder: Path) -> str:
    """The trust domain of an authority's folder.

    Raises:
        PasserelleError: `authority_unreadable`.
    """
    try:
        return (folder / DOMAIN_FILE).read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise PasserelleError("authority_unreadable", type(error).__name__) from error


def active_issuer(folder: Path) -> KeyIssuer | ExternalIssuer:
    """The issuer that a roll-over has made the active one; the first where there was none.

    Raises:
        PasserelleError: as `open_authority`.
    """
    try:
        roots = (folder / ROOT_FILE).read_bytes()
    except OSError as error:
        raise PasserelleError("authority_unreadable", type(error).__name__) from error
    generations = GenerationStore(open_database(folder / DATABASE_FILE)).all()
    active = [one.number for one in generations if one.state is GenerationState.ACTIVE]
    if len(active) != 1:
        raise PasserelleError("authority_unreadable", f"{len(active)} active issuing authorities")
    return open_issuer(generation_folder(folder, active[0]), roots)


def generation_folder(folder: Path, number: int) -> Path:
    """Where an issuing authority lies."""
    return folder if number == FIRST else folder / GENERATIONS_FOLDER / str(number)
