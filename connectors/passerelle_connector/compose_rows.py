"""Wiring of the way from a source's row to match keys; a part of `compose`."""

from __future__ import annotations

import hashlib
import json

from passerelle.catalogue import Tier, catalogue
from passerelle.errors import PasserelleError
from passerelle_connector.config import ConnectorSettings
from passerelle_connector.marking import TARGETS, MarkingPlan
from passerelle_connector.model import TokenProtocol
from passerelle_connector.normalise import FIELDS, NORM_VERSION, Settings
from passerelle_connector.prepare import Preparation
from passerelle_connector.sources import Source, SourcePlan, build
from passerelle_connector.sources.mapping import Targets, compile_mapping


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


def build_preparation(settings: ConnectorSettings) -> Preparation:
    """The configured way from row to keys.

    Raises:
        PasserelleError: `mapping_invalid`, `config_invalid`.
    """
    try:
        tiers = frozenset(Tier(tier) for tier in settings.tiers)
    except ValueError as error:
        raise PasserelleError("config_invalid", f"tiers: each one of {', '.join(Tier)}") from error
    plan = MarkingPlan.compile(settings.marking)
    return Preparation(catalogue(), tiers, plan, Settings(settings.region))


def token_protocol(settings: ConnectorSettings) -> TokenProtocol:
    """What this connector's tokens depend on beside the values."""
    return TokenProtocol(NORM_VERSION, catalogue().version, settings.domain, settings.epoch)
