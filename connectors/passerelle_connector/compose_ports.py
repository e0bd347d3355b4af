"""Wiring of the ways to the others: whom we know, channels, the leaf we show them, their revocations."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

from passerelle.audit.service import GrpcLog
from passerelle.certificate import Usage
from passerelle.config import PkiAddress
from passerelle.entry_files import read_entry, read_registry_key, unreadable
from passerelle.federation import Federation
from passerelle.identity import Identity, Role
from passerelle.log import get_logger
from passerelle.revocation import Revocations
from passerelle.rpc.authority import AuthorityClient
from passerelle.rpc.channel import open_channel
from passerelle.rpc.leaf import LeafFiles, Renewal
from passerelle.rpc.lists import list_keeper
from passerelle.rpc.material import own_material
from passerelle_connector.closer.service import GrpcCloser
from passerelle_connector.config import ConnectorSettings
from passerelle_connector.foundation import Environment, Ports
from passerelle_connector.judge.service import GrpcJudge
from passerelle_connector.keyring import MANIFEST
from passerelle_connector.lines import Dial, Lines
from passerelle_connector.listwatch import ListWatch
from passerelle_connector.peers import Peers
from passerelle_connector.query.service import GrpcQuery
from passerelle_connector.service import GrpcHub, GrpcTrustee
from passerelle_connector.tokenise import TrusteePort

_LOG: Final = get_logger("ports")


def load_peers(settings: ConnectorSettings) -> Peers:
    """The parties known at start: the signed entries in the registry folder.

    Raises:
        PasserelleError: `config_invalid`, `entry_file_invalid`, `key_malformed`, `identity_malformed`.
    """
    registry = settings.registry
    try:
        key = read_registry_key(settings.path(registry.key))
        roots = settings.path(settings.tls.roots).read_bytes()
        files = sorted(settings.path(registry.entries).iterdir())
        entries = [read_entry(file) for file in files if file.is_file()]
    except OSError as error:
        raise unreadable(error) from error
    home = Identity.parse(settings.identity).trust_domain
    peers = Peers(Federation(home, roots), key, settings.hub.agency)
    for one in entries:
        if not peers.accept((one.signed,)):
            _LOG.warning("entry.left_out", path=one.path.name)
    return peers


@asynccontextmanager
async def open_ports(
    settings: ConnectorSettings, peers: Peers, renewal: Renewal | None = None
) -> AsyncGenerator[Ports]:
    """Channels to hub and trustees, opened anew after each renewal and closed at the end.

    Raises:
        PasserelleError: `agency_unknown`, `tls_material_invalid`, what reading a key file raises.
    """
    material = own_material(settings, settings.tls, Usage.CLIENT)
    lines = Lines()

    def dial(address: str, identity: Identity) -> Dial:
        return lambda: open_channel(address, identity, peers.roots(identity), material)

    try:
        hub = lines.connect(to_hub := dial(settings.hub.address, peers.hub), GrpcHub)
        trustees: dict[int, TrusteePort] = {}
        for trustee in settings.trustees:
            identity = peers.identity(trustee.agency, Role.TRUSTEE)
            trustees[trustee.index] = lines.connect(dial(trustee.address, identity), GrpcTrustee)
        if renewal is not None:
            renewal.on_renewed(lines.reopen)
        log = lines.connect(to_hub, GrpcLog)
        closer, query = lines.connect(to_hub, GrpcCloser), lines.connect(to_hub, GrpcQuery)
        judge = lines.connect(to_hub, GrpcJudge)
        yield Ports(hub, hub, trustees, hub, hub, log, closer, query, judge)
    finally:
        await lines.close()


def authority_client(settings: ConnectorSettings, pki: PkiAddress) -> AuthorityClient:
    """Calls to the authority of our trust domain, without a certificate of ours."""
    authority, roots = authority_of(settings, pki), settings.path(settings.tls.roots)
    return AuthorityClient(lambda: open_channel(pki.address, authority, roots.read_bytes(), None))


def authority_of(settings: ConnectorSettings, pki: PkiAddress) -> Identity:
    """Who that authority is."""
    return Identity(Identity.parse(settings.identity).trust_domain, Role.PKI, pki.agency)


def build_renewal(settings: ConnectorSettings, environment: Environment) -> Renewal | None:
    """The renewal of the leaf; None without an authority in the configuration."""
    if settings.pki is None:
        return None
    files = LeafFiles(
        key=settings.path(settings.tls.key),
        chain=settings.path(settings.tls.chain),
        roots=settings.path(settings.tls.roots),
        manifest_key=settings.path(settings.keys) / MANIFEST,
    )
    identity, authority = Identity.parse(settings.identity), authority_of(settings, settings.pki)
    port, clock = authority_client(settings, settings.pki), environment.clock
    return Renewal(identity, authority, files, port, clock, environment.random, environment.jitter)


def build_lists(settings: ConnectorSettings, peers: Peers, environment: Environment) -> ListWatch:
    """The watch over the lists of hub and trustees; what the folder holds is read now."""
    stated = settings.revocation
    revocations = Revocations(environment.clock, required=stated.required)
    keeper = list_keeper(stated, settings.path(stated.folder), revocations, peers.trust)
    keeper.read()

    def trust_domains() -> set[str]:
        trustees = (peers.identity(one.agency, Role.TRUSTEE) for one in settings.trustees)
        return {peers.hub.trust_domain, *(one.trust_domain for one in trustees)}

    return ListWatch(keeper, revocations, trust_domains, stated.refresh_seconds)
