"""The connector's configuration: one TOML file (`connector.toml`).

    domain = "ter"                          agency, connector and hub are SPIFFE ids
    recipients = ["agency"]                 who gets wrapped section keys at submission
    [source] [map] [marking]                see sources.mapping and marking
    [circumstances] [provenance]            what goes into the further sealed sections
    [hub] [[trustees]] [keys]               where the others are, where our key files lie

Secrets stand in files of their own (mode 0600), never in this one and never on a command line.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic_settings import SettingsConfigDict

from passerelle.config import RoleSettings
from passerelle.record import MAX_BATCH_RECORDS


class Part(BaseModel):
    """A nested table; unknown keys are refused, since a typing error must not pass."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class HubSettings(Part):
    """The hub: `host:port`, its SPIFFE id, its trust roots (PEM), its pinned registry entry."""

    address: str
    identity: str
    roots: Path
    entry: Path


class TrusteeSettings(Part):
    """One trustee: its index in the share polynomial, `host:port`, SPIFFE id, trust roots (PEM)."""

    index: Annotated[int, Field(ge=1, le=255)]
    address: str
    identity: str
    roots: Path


class KeySettings(Part):
    """Key files, all mode 0600, made by `connector init`; `leaf` and `leaf_key` come from enrolment (PEM)."""

    folder: Path = Path("keys")
    leaf: Path = Path("keys/leaf.pem")
    leaf_key: Path = Path("keys/leaf-key.pem")


class ConnectorSettings(RoleSettings):
    """Everything a connector needs to run."""

    model_config = SettingsConfigDict(env_prefix="PASSERELLE_CONNECTOR_")

    identity: str
    domain: str
    epoch: Annotated[int, Field(ge=1)] = 1
    threshold: Annotated[int, Field(ge=1)] = 2
    tiers: tuple[str, ...] = ("core", "strong")
    region: str = "BE"
    recipients: tuple[str, ...] = ()
    store: Path = Path("connector.db")
    group_keys: Path = Path("group-keys")
    registry_roots: Path = Path("registry-signer.json")
    batch_records: Annotated[int, Field(ge=1, le=MAX_BATCH_RECORDS)] = 500
    scan_seconds: Annotated[float, Field(gt=0)] = 60.0
    retry_seconds: Annotated[float, Field(gt=0)] = 2.0
    retry_limit_seconds: Annotated[float, Field(gt=0)] = 300.0
    threads: Annotated[int, Field(ge=1, le=64)] = 2
    log_level: str = "INFO"
    source: dict[str, Any]
    map: dict[str, Any]
    marking: dict[str, Any] = {}
    circumstances: dict[str, Any] = {}
    provenance: dict[str, Any] = {}
    hub: HubSettings
    trustees: tuple[TrusteeSettings, ...]
    keys: KeySettings = KeySettings()
