"""Wiring of the answers to closer looks; a part of `compose`."""

from __future__ import annotations

from passerelle_connector.closer.answering import Answering, CloserPort
from passerelle_connector.compose_rows import build_source, token_protocol
from passerelle_connector.config import ConnectorSettings
from passerelle_connector.normalise import Settings
from passerelle_connector.store import RowStore
from passerelle_connector.tokenise import Tokeniser


def build_answering(
    settings: ConnectorSettings, rows: RowStore, tokeniser: Tokeniser, port: CloserPort | None
) -> Answering | None:
    """The answers to closer looks; None where the configuration wants none or no port leads to them."""
    if port is None or not settings.closer_seconds:
        return None
    return Answering(
        port=port,
        source=build_source(settings),
        rows=rows,
        settings=Settings(settings.region),
        tokeniser=tokeniser,
        protocol=token_protocol(settings),
        seconds=settings.closer_seconds,
    )
