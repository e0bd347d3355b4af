"""Two agencies with authorities of their own, a hub's admission in front of them, and leaves that depart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from passerelle.certificate import BACKDATING, LEAF_LIFETIME, Usage, leaf_key_usage
from passerelle.clock import ManualClock, moment
from passerelle.csr import load_key
from passerelle.federation import Federation
from passerelle.identity import Identity, Role
from passerelle.registry_entry import RegistryEntry, Status
from passerelle.revocation import Revocations, Standings
from passerelle.rpc.admission import Call, Gatekeeper
from passerelle.rpc.rule import CallEvent, RpcRule, Unlimited, rule_table
from passerelle_pki.authority import DATABASE_FILE, Authority
from passerelle_pki.ceremony import OFFLINE_FOLDER, create_authority
from passerelle_pki.publish import Lists
from passerelle_pki.rollover import Rollover
from passerelle_pki.store import open_database
from passerelle_pki.store.revocations import RevocationStore

HOME = "hub.example"
METHOD = "/test.Echo/UnaryUnary"
POLICE = Identity("police.example", Role.CONNECTOR, "police")
CUSTOMS = Identity("customs.example", Role.CONNECTOR, "customs")
CLIENT, SERVER = ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH


@dataclass(frozen=True)
class Leaf:
    """What a leaf says; by default what the profile wants. Times are offsets from now, in microseconds."""

    uris: Sequence[str] = (str(POLICE),)
    dns: Sequence[str] = ()
    usage: Sequence[x509.ObjectIdentifier] = (CLIENT,)
    begins: int = -BACKDATING
    ends: int = LEAF_LIFETIME
    authority: bool = False
    p384: bool = False


@dataclass
class Domain:
    """A trust domain: its authority in a folder."""

    folder: Path
    authority: Authority
    clock: ManualClock

    @property
    def roots(self) -> bytes:
        return self.authority.roots

    def mint(self, leaf: Leaf) -> tuple[bytes, bytes, int]:
        """A leaf (PEM) as its authority would sign it if told to; the rest of the chain; its number."""
        issuing = x509.load_pem_x509_certificate((self.folder / "issuing.pem").read_bytes())
        signer = load_key((self.folder / "issuing-key.pem").read_bytes())
        key = ec.generate_private_key(ec.SECP384R1() if leaf.p384 else ec.SECP256R1())
        names = [*map(x509.UniformResourceIdentifier, leaf.uris), *map(x509.DNSName, leaf.dns)]
        now = self.clock.now()
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(issuing.subject)
            .serial_number(x509.random_serial_number())
            .public_key(key.public_key())
            .not_valid_before(moment(now + leaf.begins).replace(microsecond=0))
            .not_valid_after(moment(now + leaf.ends).replace(microsecond=0))
            .add_extension(x509.BasicConstraints(ca=leaf.authority, path_length=None), critical=True)
            .add_extension(leaf_key_usage(), critical=True)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=True)
        if leaf.usage:
            builder = builder.add_extension(x509.ExtendedKeyUsage(leaf.usage), critical=False)
        made = builder.sign(signer, hashes.SHA384())
        pem = serialization.Encoding.PEM
        return made.public_bytes(pem), issuing.public_bytes(pem), made.serial_number

    def revoke(self, serial: int) -> None:
        """Put a number on the list, as `pki revoke` does for one that was issued."""
        store = self.authority.store
        store.reserve(serial, POLICE, Usage.CLIENT, self.clock.now())
        RevocationStore(open_database(self.folder / DATABASE_FILE)).add(
            serial, self.clock.now(), "test", "ada"
        )

    def revoke_authority(self) -> None:
        """Replace the issuing authority and have the root revoke the first one."""
        rollover, offline = Rollover(self.folder, self.clock), self.folder / OFFLINE_FOLDER
        rollover.prepare(offline, "ada")
        rollover.activate("ada")
        rollover.taint(1, "ada")
        rollover.revoke(1, offline, "ada")

    def list(self) -> bytes:
        return Lists(self.folder, self.clock).current()


@dataclass
class Context:
    """gRPC's context as far as admission looks at it."""

    certificate: bytes
    rest: bytes = b""
    version: bytes = b"TLSv1.3"
    group: bytes = b"X25519MLKEM768"

    def auth_context(self) -> dict[str, Iterable[bytes]]:
        return {
            "x509_pem_cert": [self.certificate] if self.certificate else [],
            "x509_pem_cert_chain": [self.rest],
            "ssl_tls_version": [self.version],
            "ssl_negotiated_key_exchange_group": [self.group],
        }


@dataclass
class Gate:
    """A hub's admission over a real federation and real lists."""

    police: Domain
    customs: Domain
    clock: ManualClock
    required: bool = True
    events: list[CallEvent] = field(default_factory=list)

    def __post_init__(self) -> None:
        home = create_authority(self.police.folder.with_name("home"), HOME, self.clock)
        self.federation = Federation(HOME, home.roots)
        self.federation.accept(self.entry(POLICE, self.police))
        self.federation.accept(self.entry(CUSTOMS, self.customs))
        self.revocations = Revocations(self.clock, required=self.required)
        self.standings = Standings(self.federation, self.revocations)
        table = rule_table([rule()])
        self.keeper = Gatekeeper(table, self.federation, self.standings, Unlimited(), self, self.clock)

    def entry(self, who: Identity, domain: Domain, **changes: Any) -> RegistryEntry:
        fields: dict[str, Any] = {
            "agency": who.agency,
            "trust_domain": who.trust_domain,
            "roles": (Role.CONNECTOR,),
            "name": who.agency,
            "roots_pem": domain.roots,
            "manifest": b"",
            "status": Status.ACTIVE,
            "revision": 1,
            "issued": self.clock.now(),
        }
        return RegistryEntry(**{**fields, **changes})

    def record(self, event: CallEvent) -> None:
        self.events.append(event)

    def take_lists(self) -> None:
        for domain in (self.police, self.customs):
            name = domain.authority.trust_domain
            self.revocations.accept(name, domain.list(), domain.roots)

    def open(self, context: Context) -> Call:
        shown: Any = context
        return self.keeper.open(METHOD, shown)


def rule() -> RpcRule:
    return RpcRule(
        method=METHOD,
        roles=frozenset({Role.CONNECTOR}),
        package="admin",
        action="echo",
        quota="control",
        event="echo.called",
    )


def domain(folder: Path, name: str, clock: ManualClock) -> Domain:
    return Domain(folder / name, create_authority(folder / name, name, clock), clock)
