"""Where the connector's objects are wired; plain constructors, nothing else.

`connect` wires a connector over any foundation (the simulator brings its own); `opened` makes the one that a
configuration describes, over gRPC. Parts: `compose_ports`, `compose_rows`, `compose_log`, `compose_closer`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from passerelle.catalogue import catalogue
from passerelle.rpc.leaf import Renewal
from passerelle.selftest import selftest
from passerelle_connector.census import Census
from passerelle_connector.compose_closer import build_answering
from passerelle_connector.compose_log import build_log_watch, build_rotation, build_turning
from passerelle_connector.compose_ports import build_lists, build_renewal, load_peers, open_ports
from passerelle_connector.compose_rows import build_preparation, build_source, source_name, token_protocol
from passerelle_connector.config import ConnectorSettings
from passerelle_connector.deliver import Delivery
from passerelle_connector.epochs import at_epoch
from passerelle_connector.foundation import Environment, Foundation, Stores, open_stores
from passerelle_connector.group_keys import load_group_keys
from passerelle_connector.inbox import Inbox
from passerelle_connector.keyring import load_keys
from passerelle_connector.listwatch import ListWatch
from passerelle_connector.outbox import Outbox
from passerelle_connector.reading import Reader
from passerelle_connector.reconcile import Reconciliation
from passerelle_connector.run import Connector, Pace
from passerelle_connector.sealing import BatchKeyMaker, Sealer
from passerelle_connector.signer import OwnKeys
from passerelle_connector.tokenise import Tokeniser
from passerelle_connector.withdraw import Guard, Withdrawer


@asynccontextmanager
async def connector(settings: ConnectorSettings) -> AsyncGenerator[Connector]:
    """A connector over gRPC, as a configuration describes it.

    Raises:
        PasserelleError: as `opened`.
    """
    renewal = build_renewal(settings, Environment.system())
    async with opened(settings, renewal) as base:
        settings, clock = base.settings, base.environment.clock
        base.stores.tokens.forget_before(settings.epoch)
        made = connect(base, renewal, build_lists(settings, base.peers, base.environment))
        made.rotation = build_rotation(settings, base.peers, clock)
        made.turning = build_turning(token_protocol(settings), settings, base.peers, clock)
        yield made


@asynccontextmanager
async def opened(settings: ConnectorSettings, renewal: Renewal | None = None) -> AsyncGenerator[Foundation]:
    """The foundation that a configuration describes, in the epoch that the connector works in.

    Raises:
        PasserelleError: `crypto_unsupported`, or whatever of configuration, keys and entries does not hold.
    """
    selftest()
    environment = Environment.system()
    keyring, peers = load_keys(settings.path(settings.keys)), load_peers(settings)
    group_keys = load_group_keys(settings, peers, environment.clock.now())
    if renewal is not None:
        await renewal.ready()
    stores = open_stores(settings)
    try:
        settings = at_epoch(settings, stores.tokens)
        async with open_ports(settings, peers, renewal) as ports:
            yield Foundation(settings, stores, keyring, peers, group_keys, ports, environment)
    finally:
        stores.database.close()


def connect(base: Foundation, renewal: Renewal | None = None, lists: ListWatch | None = None) -> Connector:
    """Wire a connector.

    Raises:
        PasserelleError: `mapping_invalid`, `config_invalid`, `identity_malformed`, `agency_unknown`.
    """
    settings, stores, keyring, peers, ports = base.settings, base.stores, base.keyring, base.peers, base.ports
    clock, random = base.environment.clock, base.environment.random
    identity, protocol, census = base.identity, token_protocol(settings), Census(random)
    own, tokeniser = own_keys(base), build_tokeniser(base)
    batch_keys = BatchKeyMaker(identity.agency, keyring.vaults, settings.recipients, peers, clock, random)
    outbox = Outbox(stores.outbox, batch_keys, settings.batch_records, clock, random)
    reader = Reader(
        source=(source := build_source(settings)),
        preparation=build_preparation(settings),
        tokeniser=tokeniser,
        sealer=Sealer(identity.agency, keyring.vault, catalogue(), keyring.padding_secret, random),
        rows=stores.rows,
        outbox=outbox,
        withdrawer=build_withdrawer(settings, stores, base.environment),
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
        delivery=Delivery(
            identity, peers.hub, stores.outbox, ports.hub, own.signing, peers, clock, census.stated
        ),
        inbox=_inbox(base, own),
        directory=ports.directory,
        peers=peers,
        protocol=protocol,
        waits=stores.waits,
        clock=clock,
        pace=_pace(settings, base.environment),
        renewal=renewal,
        lists=lists,
        reconciliation=_reconciliation(base),
        log_watch=build_log_watch(settings, stores.logged, peers, own.signing, ports.log, clock),
    )
    made.answering = build_answering(settings, stores.rows, tokeniser, ports.closer)
    return made


def own_keys(base: Foundation) -> OwnKeys:
    """Our keys of today, as our own entry names them."""
    keys = base.settings.path(base.settings.keys)
    return OwnKeys(base.identity.agency, keys, base.keyring, base.peers, base.environment.clock)


def build_tokeniser(base: Foundation) -> Tokeniser:
    """The way from keys to tokens, by the trustees."""
    return Tokeniser(
        token_protocol(base.settings),
        catalogue(),
        base.group_keys,
        base.ports.trustees,
        base.stores.tokens,
        base.keyring.cache_secret,
        base.environment.random,
    )


def build_withdrawer(settings: ConnectorSettings, stores: Stores, environment: Environment) -> Withdrawer:
    """The way of withdrawals into the outbox, for a reading or by hand."""
    return Withdrawer(
        stores.rows,
        stores.outbox,
        stores.waits,
        token_protocol(settings),
        Guard(settings.withdraw_share, settings.withdraw_rows),
        environment.clock,
        environment.random,
    )


def _inbox(base: Foundation, own: OwnKeys) -> Inbox:
    """The inbox; what it takes is owed a proof where a port leads to the log."""
    agency, stores, peers, ports = base.identity.agency, base.stores, base.peers, base.ports
    promises = None if ports.log is None else stores.promises
    keys, clock = own.sealing, base.environment.clock
    return Inbox(
        agency, peers.hub, stores.inbox, stores.rows, ports.hub, keys, peers, clock, promises=promises
    )


def _pace(settings: ConnectorSettings, environment: Environment) -> Pace:
    scan, watch, reconcile = settings.scan_seconds, settings.watch_seconds, settings.reconcile_seconds
    retry, limit = settings.retry_seconds, settings.retry_limit_seconds
    return Pace(scan, retry, limit, environment.jitter, watch, reconcile)


def _reconciliation(base: Foundation) -> Reconciliation | None:
    """The reconciliation with the hub; None where no port leads to it."""
    settings, stores = base.settings, base.stores
    if base.ports.holdings is None:
        return None
    return Reconciliation(
        agency=base.identity.agency,
        hub=base.peers.hub,
        holdings=stores.holdings,
        rows=stores.rows,
        outbox=stores.outbox,
        waits=stores.waits,
        port=base.ports.holdings,
        peers=base.peers,
        protocol=token_protocol(settings),
        guard=Guard(settings.withdraw_share, settings.withdraw_rows),
        clock=base.environment.clock,
        random=base.environment.random,
    )
