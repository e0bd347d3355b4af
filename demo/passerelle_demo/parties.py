"""The parties of a demonstration: an authority, keys and a registry entry each, in a folder of their own.

Every agency has its own trust domain and authority, as in production; so have the hub and the trustees.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from passerelle.certificate import Usage
from passerelle.clock import Clock
from passerelle.codec.signed import encode_signed
from passerelle.csr import make_request, new_key, stored_pem
from passerelle.identity import Identity, Role
from passerelle.keyfile import write_private
from passerelle.sign import Signed
from passerelle_hub.enrol import KeyFiles, enrol
from passerelle_pki.authority import Authority
from passerelle_pki.ceremony import create_authority
from passerelle_pki.registry import Party, Registry, create_registry
from passerelle_trustee.enrol import KeyFiles as TrusteeKeyFiles
from passerelle_trustee.enrol import enrol as enrol_trustee_keys

ROOTS = "roots.pem"
LEAF = "leaf.pem"
LEAF_KEY = "leaf-key.pem"
CLIENT = "client.pem"
CLIENT_KEY = "client-key.pem"
ENTRY = "party.entry"
REGISTRY_KEY = "registry.pub"
TRUSTEES = 3


@dataclass(frozen=True, slots=True)
class Place:
    """Where one party lives: its identity, its folder, its keys' folder."""

    identity: Identity
    folder: Path

    @property
    def keys(self) -> Path:
        """Folder of certificates and keys."""
        return self.folder / "keys"


class Parties:
    """Founds parties below one folder."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock
        self._authorities: dict[str, Authority] = {}
        self.registry: Registry = create_registry(folder / "registry", clock)

    def found(self, identity: Identity, usage: Usage) -> Place:
        """A party's folder with a leaf from its trust domain's authority."""
        place = Place(identity, self._folder / f"{identity.role}-{identity.agency}")
        place.keys.mkdir(parents=True)
        authority = self._authority(identity.trust_domain)
        key = new_key()
        chain = authority.issue_leaf(identity, make_request(key, identity, usage), usage)
        (place.keys / LEAF).write_bytes(chain)
        (place.keys / ROOTS).write_bytes(authority.roots)
        write_private(place.keys / LEAF_KEY, stored_pem(key))
        (place.folder / REGISTRY_KEY).write_bytes(self.registry.public_key.raw)
        return place

    def certify(self, place: Place, request: bytes, usage: Usage, leaf: str) -> None:
        """One more leaf for a party, on a request of its own."""
        authority = self._authority(place.identity.trust_domain)
        (place.keys / leaf).write_bytes(authority.issue_leaf(place.identity, request, usage))

    def register(self, place: Place, name: str, manifest: bytes = b"") -> Signed:
        """Publish the party's registry entry and lay it into its folder."""
        identity = place.identity
        roots = self._authority(identity.trust_domain).roots
        party = Party(identity.agency, identity.trust_domain, (identity.role,), name, roots, manifest)
        signed = self.registry.publish(party)
        (place.folder / ENTRY).write_bytes(encode_signed(signed))
        return signed

    def _authority(self, trust_domain: str) -> Authority:
        if trust_domain not in self._authorities:
            folder = self._folder / "authorities" / trust_domain
            folder.parent.mkdir(parents=True, exist_ok=True)
            self._authorities[trust_domain] = create_authority(folder, trust_domain, self._clock)
        return self._authorities[trust_domain]


def enrol_hub(place: Place, folder: Path, clock: Clock) -> bytes:
    """The hub's keys beside its TLS key, written into a folder; returns its key manifest (encoded)."""
    files = KeyFiles(
        signing=folder / "signing.key",
        manifest=folder / "manifest.key",
        pepper=folder / "pepper.key",
        tls=place.keys / LEAF_KEY,
    )
    return enrol(place.identity, files, clock).manifest.read_bytes()


def enrol_trustee(parties: Parties, place: Place, folder: Path, clock: Clock) -> bytes:
    """A trustee's keys written into a folder, its leaf for calls; returns its key manifest (encoded)."""
    files = TrusteeKeyFiles(
        signing=folder / "signing.key",
        sealing=folder / "sealing.key",
        manifest=folder / "manifest.key",
        tls=place.keys / LEAF_KEY,
        client=place.keys / CLIENT_KEY,
    )
    made = enrol_trustee_keys(place.identity, files, clock)
    parties.certify(place, made.client.read_bytes(), Usage.CLIENT, CLIENT)
    return made.manifest.read_bytes()


HUB = Identity("hub.passerelle.example", Role.HUB, "coordination-centre")


def trustee_identity(index: int) -> Identity:
    """The identity of a trustee of the demonstration."""
    return Identity("trustees.passerelle.example", Role.TRUSTEE, f"trustee-{index}")


def connector_identity(agency: str) -> Identity:
    """The identity of an agency's connector: a trust domain of its own."""
    return Identity(f"{agency}.example", Role.CONNECTOR, agency)
