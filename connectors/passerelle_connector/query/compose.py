"""Wiring of one-off queries: for one command, beside a connector that runs or without one."""

from __future__ import annotations

from passerelle.catalogue import catalogue
from passerelle.identity import Identity
from passerelle.oprf.pinned import GroupKeys
from passerelle.query import Answer
from passerelle.rpc.channel import open_channel
from passerelle.rpc.material import FileMaterial
from passerelle.selftest import selftest
from passerelle_connector.compose import (
    Environment,
    Ports,
    Stores,
    build_preparation,
    load_peers,
    open_ports,
    open_stores,
    token_protocol,
)
from passerelle_connector.config import ConnectorSettings
from passerelle_connector.group_keys import load_group_keys
from passerelle_connector.keyring import Keyring, load_keys
from passerelle_connector.peers import Peers
from passerelle_connector.query.ask import Asker, Inquiry, QueryPort
from passerelle_connector.query.service import GrpcQuery
from passerelle_connector.signer import OwnKeys
from passerelle_connector.tokenise import Tokeniser


def build_asker(
    settings: ConnectorSettings,
    stores: Stores,
    keyring: Keyring,
    peers: Peers,
    group_keys: GroupKeys,
    ports: Ports,
    query: QueryPort,
    environment: Environment,
) -> Asker:
    """Wire the asking over any ports.

    Raises:
        PasserelleError: `mapping_invalid`, `config_invalid`, `identity_malformed`.
    """
    identity, protocol, clock = Identity.parse(settings.identity), token_protocol(settings), environment.clock
    own = OwnKeys(identity.agency, settings.path(settings.keys), keyring, peers, clock)
    return Asker(
        identity=identity,
        protocol=protocol,
        preparation=build_preparation(settings),
        tokeniser=Tokeniser(
            protocol,
            catalogue(),
            group_keys,
            ports.trustees,
            stores.tokens,
            keyring.cache_secret,
            environment.random,
        ),
        padding_secret=keyring.padding_secret,
        signing=own.signing,
        peers=peers,
        port=query,
        clock=clock,
        random=environment.random,
    )


async def ask_hub(settings: ConnectorSettings, inquiry: Inquiry) -> Answer:
    """Ask over gRPC, as a configuration describes it.

    Raises:
        PasserelleError: whatever of configuration, keys and entries does not hold; as `Asker.ask`.
    """
    selftest()
    environment, keyring = Environment.system(), load_keys(settings.path(settings.keys))
    peers = load_peers(settings)
    group_keys = load_group_keys(settings, peers, environment.clock.now())
    material = FileMaterial(settings.path(settings.tls.key), settings.path(settings.tls.chain))
    stores = open_stores(settings)
    channel = open_channel(settings.hub.address, peers.hub, peers.roots(peers.hub), material)
    try:
        async with open_ports(settings, peers) as ports:
            query = GrpcQuery(channel)
            asker = build_asker(settings, stores, keyring, peers, group_keys, ports, query, environment)
            return await asker.ask(inquiry)
    finally:
        await channel.close(None)
        stores.database.close()
