"""Where the connector's objects are wired; plain constructors, nothing else.

`connect` wires a connector over any ports (the simulator brings its own); `open_ports` makes those of gRPC.
"""

from __future__ import annotations

import hashlib
import json
import random as system_random
import secrets
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from passerelle.audit.follow import LogPort
from passerelle.audit.service import GrpcLog
from passerelle.catalogue import Tier, catalogue
from passerelle.clock import Clock, SystemClock
from passerelle.codec.signed import decode_signed
from passerelle.errors import PasserelleError
from passerelle.federation import Federation
from passerelle.identity import Identity, Role
from passerelle.oprf.pinned import GroupKeys
from passerelle.revocation import Revocations
from passerelle.rpc.authority import AuthorityClient
from passerelle.rpc.channel import open_channel
from passerelle.rpc.leaf import LeafFiles, Renewal
from passerelle.rpc.lists import list_keeper
from passerelle.rpc.material import FileMaterial
from passerelle.selftest import selftest
from passerelle.sign import VerifyingKey
from passerelle_connector.census import Census
from passerelle_connector.closer.answering import CloserPort
from passerelle_connector.closer.service import GrpcCloser
from passerelle_connector.compose_closer import build_answering
from passerelle_connector.compose_log import build_log_watch, build_rotation, build_turning
from passerelle_connector.config import ConnectorSettings
from passerelle_connector.deliver import Delivery
from passerelle_connector.epochs import at_epoch
from passerelle_connector.group_keys import load_group_keys
from passerelle_connector.inbox import Inbox
from passerelle_connector.keyring import MANIFEST, Keyring, load_keys
from passerelle_connector.lines import Dial, Lines
from passerelle_connector.listwatch import ListWatch
from passerelle_connector.marking import TARGETS, MarkingPlan
from passerelle_connector.model import Random, TokenProtocol
from passerelle_connector.normalise import FIELDS, NORM_VERSION, Settings
from passerelle_connector.outbox import Outbox
from passerelle_connector.peers import Peers
from passerelle_connector.ports import DirectoryPort, HoldingsPort, HubPort, PreviewPort
from passerelle_connector.prepare import Preparation
from passerelle_connector.reading import Reader
from passerelle_connector.reconcile import Reconciliation
from passerelle_connector.run import Connector, Pace
from passerelle_connector.sealing import BatchKeyMaker, Sealer
from passerelle_connector.service import GrpcHub, GrpcTrustee
from passerelle_connector.signer import OwnKeys
from passerelle_connector.sources import Source, SourcePlan, build
from passerelle_connector.sources.mapping import Targets, compile_mapping
from passerelle_connector.store import (
    Database,
    HoldingStore,
    InboxStore,
    OutboxStore,
    PinStore,
    PromiseStore,
    RowStore,
    TokenCache,
    WaitStore,
)
from passerelle_connector.tokenise import Tokeniser, TrusteePort
from passerelle_connector.withdraw import Guard, Withdrawer


@dataclass(frozen=True, slots=True)
class Stores:
    """The connector's database and its narrow stores."""

    database: Database
    rows: RowStore
    outbox: OutboxStore
    holdings: HoldingStore
    inbox: InboxStore
    tokens: TokenCache
    waits: WaitStore
    promises: PromiseStore
    pins: PinStore

    @property
    def logged(self) -> tuple[PromiseStore, PinStore, InboxStore, WaitStore]:
        """What is held against the hub's log."""
        return self.promises, self.pins, self.inbox, self.waits


@dataclass(frozen=True, slots=True)
class Ports:
    """The others, as this connector reaches them. `trustees` by index."""

    hub: HubPort
    directory: DirectoryPort
    trustees: Mapping[int, TrusteePort]
    holdings: HoldingsPort | None = None
    preview: PreviewPort | None = None
    log: LogPort | None = None
    closer: CloserPort | None = None


@dataclass(frozen=True, slots=True)
class Environment:
    """What tests replace: time, randomness, jitter."""

    clock: Clock
    random: Random
    jitter: Callable[[], float]

    @classmethod
    def system(cls) -> Environment:
        """The machine's own."""
        return cls(SystemClock(), secrets.token_bytes, system_random.SystemRandom().random)


def open_stores(settings: ConnectorSettings) -> Stores:
    """Open the store of a configuration.

    Raises:
        PasserelleError: `store_version`.
    """
    database = Database(settings.path(settings.store))
    return Stores(
        database=database,
        rows=RowStore(database),
        outbox=OutboxStore(database),
        holdings=HoldingStore(database),
        inbox=InboxStore(database),
        tokens=TokenCache(database),
        waits=WaitStore(database),
        promises=PromiseStore(database),
        pins=PinStore(database),
    )


def build_source(settings: ConnectorSettings) -> Source:
    """The configured source.

    Raises:
        PasserelleError: `mapping_invalid`.
    """
    sealed = {"circumstances": settings.circumstances, "source": settings.provenance}
    reference = str(settings.source.get("reference", ""))
    mapper = compile_mapping(reference, settings.map, Targets(FIELDS, TARGETS), sealed)
    return build(SourcePlan(settings.source, mapper, settings.base))


def source_name(settings: ConnectorSettings) -> str:
    """A digest of the source as configured: another query or mapping makes another source."""
    tables = (settings.source, settings.map, settings.circumstances, settings.provenance)
    return hashlib.sha256(json.dumps(tables, sort_keys=True, default=str).encode()).hexdigest()


def build_withdrawer(settings: ConnectorSettings, stores: Stores, environment: Environment) -> Withdrawer:
    """The way of withdrawals into the outbox, for a reading or by hand."""
    guard = Guard(settings.withdraw_share, settings.withdraw_rows)
    return Withdrawer(
        stores.rows,
        stores.outbox,
        stores.waits,
        token_protocol(settings),
        guard,
        environment.clock,
        environment.random,
    )


def build_preparation(settings: ConnectorSettings) -> Preparation:
    """The configured way from row to keys.

    Raises:
        PasserelleError: `mapping_invalid`, `config_invalid`.
    """
    try:
        tiers = frozenset(Tier(tier) for tier in settings.tiers)
    except ValueError as error:
        raise PasserelleError("config_invalid", "tiers") from error
    plan = MarkingPlan.compile(settings.marking)
    return Preparation(catalogue(), tiers, plan, Settings(settings.region))


def token_protocol(settings: ConnectorSettings) -> TokenProtocol:
    """What this connector's tokens depend on beside the values."""
    return TokenProtocol(NORM_VERSION, catalogue().version, settings.domain, settings.epoch)


def load_peers(settings: ConnectorSettings) -> Peers:
    """The parties known at start: the signed entries in the registry folder.

    Raises:
        PasserelleError: `config_invalid`, `key_malformed`, `identity_malformed`.
    """
    registry = settings.registry
    try:
        key = VerifyingKey(settings.path(registry.key).read_bytes())
        roots = settings.path(settings.tls.roots).read_bytes()
        files = sorted(settings.path(registry.entries).iterdir())
        entries = [decode_signed(file.read_bytes()) for file in files if file.is_file()]
    except OSError as error:
        raise PasserelleError("config_invalid", f"registry or tls: {type(error).__name__}") from error
    home = Identity.parse(settings.identity).trust_domain
    peers = Peers(Federation(home, roots), key, settings.hub.agency)
    peers.accept(entries)
    return peers


@asynccontextmanager
async def open_ports(
    settings: ConnectorSettings, peers: Peers, renewal: Renewal | None = None
) -> AsyncGenerator[Ports]:
    """Channels to hub and trustees, opened anew after each renewal and closed at the end.

    Raises:
        PasserelleError: `agency_unknown`, `tls_material_invalid`, what reading a key file raises.
    """
    material = FileMaterial(settings.path(settings.tls.key), settings.path(settings.tls.chain))
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
        yield Ports(hub, hub, trustees, hub, hub, log, lines.connect(to_hub, GrpcCloser))
    finally:
        await lines.close()


def build_renewal(settings: ConnectorSettings, environment: Environment) -> Renewal | None:
    """The renewal of the leaf; None without an authority in the configuration."""
    if settings.pki is None:
        return None
    address, identity = settings.pki.address, Identity.parse(settings.identity)
    authority = Identity(identity.trust_domain, Role.PKI, settings.pki.agency)
    files = LeafFiles(
        key=settings.path(settings.tls.key),
        chain=settings.path(settings.tls.chain),
        roots=settings.path(settings.tls.roots),
        manifest_key=settings.path(settings.keys) / MANIFEST,
    )
    port = AuthorityClient(lambda: open_channel(address, authority, files.roots.read_bytes(), None))
    return Renewal(
        identity, authority, files, port, environment.clock, environment.random, environment.jitter
    )


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


def connect(
    settings: ConnectorSettings,
    stores: Stores,
    keyring: Keyring,
    peers: Peers,
    group_keys: GroupKeys,
    ports: Ports,
    environment: Environment,
    renewal: Renewal | None = None,
    lists: ListWatch | None = None,
) -> Connector:
    """Wire a connector.

    Raises:
        PasserelleError: `mapping_invalid`, `config_invalid`, `identity_malformed`, `agency_unknown`.
    """
    identity, hub, table = Identity.parse(settings.identity), peers.hub, catalogue()
    agency, protocol, clock = identity.agency, token_protocol(settings), environment.clock
    random, census, secret = environment.random, Census(environment.random), keyring.cache_secret
    own = OwnKeys(agency, settings.path(settings.keys), keyring, peers, clock)
    batch_keys = BatchKeyMaker(agency, keyring.vaults, settings.recipients, peers, clock, random)
    outbox = Outbox(stores.outbox, batch_keys, settings.batch_records, clock, random)
    tokeniser = Tokeniser(protocol, table, group_keys, ports.trustees, stores.tokens, secret, random)
    reader = Reader(
        source=(source := build_source(settings)),
        preparation=build_preparation(settings),
        tokeniser=tokeniser,
        sealer=Sealer(agency, keyring.vault, table, keyring.padding_secret, random),
        rows=stores.rows,
        outbox=outbox,
        withdrawer=build_withdrawer(settings, stores, environment),
        protocol=protocol,
        clock=clock,
        random=random,
        chunk_rows=settings.batch_records,
        source_name=source_name(settings),
        census=census,
    )
    made = Connector(
        source=source,
        reader=reader,
        outbox=outbox,
        delivery=Delivery(identity, hub, stores.outbox, ports.hub, own.signing, peers, clock, census.stated),
        inbox=_inbox(agency, stores, peers, own, ports, clock),
        directory=ports.directory,
        peers=peers,
        protocol=protocol,
        waits=stores.waits,
        clock=clock,
        pace=_pace(settings, environment),
        renewal=renewal,
        lists=lists,
        reconciliation=_reconciliation(identity, settings, stores, peers, ports, environment),
        log_watch=build_log_watch(settings, stores.logged, peers, own.signing, ports.log, clock),
    )
    made.answering = build_answering(settings, build_source, stores.rows, tokeniser, protocol, ports.closer)
    return made


def _inbox(agency: str, stores: Stores, peers: Peers, own: OwnKeys, ports: Ports, clock: Clock) -> Inbox:
    """The inbox; what it takes is owed a proof where a port leads to the log."""
    promises = None if ports.log is None else stores.promises
    keys, rows = own.sealing, stores.rows
    return Inbox(agency, peers.hub, stores.inbox, rows, ports.hub, keys, peers, clock, promises=promises)


def _pace(settings: ConnectorSettings, environment: Environment) -> Pace:
    scan, watch, reconcile = settings.scan_seconds, settings.watch_seconds, settings.reconcile_seconds
    retry, limit = settings.retry_seconds, settings.retry_limit_seconds
    return Pace(scan, retry, limit, environment.jitter, watch, reconcile)


def _reconciliation(
    identity: Identity,
    settings: ConnectorSettings,
    stores: Stores,
    peers: Peers,
    ports: Ports,
    environment: Environment,
) -> Reconciliation | None:
    """The reconciliation with the hub; None where no port leads to it."""
    if ports.holdings is None:
        return None
    return Reconciliation(
        agency=identity.agency,
        hub=peers.hub,
        holdings=stores.holdings,
        rows=stores.rows,
        outbox=stores.outbox,
        waits=stores.waits,
        port=ports.holdings,
        peers=peers,
        protocol=token_protocol(settings),
        guard=Guard(settings.withdraw_share, settings.withdraw_rows),
        clock=environment.clock,
        random=environment.random,
    )


@asynccontextmanager
async def connector(settings: ConnectorSettings) -> AsyncGenerator[Connector]:
    """A connector over gRPC, as a configuration describes it.

    Raises:
        PasserelleError: `crypto_unsupported`, or whatever of configuration, keys and entries does not hold.
    """
    selftest()
    keyring = load_keys(settings.path(settings.keys))
    environment = Environment.system()
    peers = load_peers(settings)
    group_keys = load_group_keys(settings, peers, environment.clock.now())
    renewal = build_renewal(settings, environment)
    if renewal is not None:
        await renewal.ready()
    stores = open_stores(settings)
    settings = at_epoch(settings, stores.tokens)
    stores.tokens.forget_before(settings.epoch)
    try:
        async with open_ports(settings, peers, renewal) as ports:
            lists = build_lists(settings, peers, environment)
            made = connect(settings, stores, keyring, peers, group_keys, ports, environment, renewal, lists)
            made.rotation = build_rotation(settings, peers, environment.clock)
            made.turning = build_turning(token_protocol(settings), settings, peers, environment.clock)
            yield made
    finally:
        stores.database.close()
