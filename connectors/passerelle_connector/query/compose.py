"""Wiring of one-off queries: for one command, beside a connector that runs or without one."""

from __future__ import annotations

from passerelle.errors import PasserelleError
from passerelle.query import Answer
from passerelle_connector.compose import build_tokeniser, opened, own_keys
from passerelle_connector.compose_rows import build_preparation, token_protocol
from passerelle_connector.config import ConnectorSettings
from passerelle_connector.foundation import Foundation
from passerelle_connector.query.ask import Asker, Inquiry


def build_asker(base: Foundation) -> Asker:
    """Wire the asking over any foundation.

    Raises:
        PasserelleError: `mapping_invalid`, `config_invalid`, `identity_malformed`, `peer_unavailable`.
    """
    if base.ports.query is None:
        raise PasserelleError("peer_unavailable", "no hub")
    return Asker(
        identity=base.identity,
        protocol=token_protocol(base.settings),
        preparation=build_preparation(base.settings),
        tokeniser=build_tokeniser(base),
        padding_secret=base.keyring.padding_secret,
        signing=own_keys(base).signing,
        peers=base.peers,
        port=base.ports.query,
        clock=base.environment.clock,
        random=base.environment.random,
    )


async def ask_hub(settings: ConnectorSettings, inquiry: Inquiry) -> Answer:
    """Ask over gRPC, as a configuration describes it, in the epoch that the connector works in.

    Raises:
        PasserelleError: whatever of configuration, keys and entries does not hold; as `Asker.ask`.
    """
    async with opened(settings) as base:
        return await build_asker(base).ask(inquiry)
