"""The connector's configuration: one TOML file (`connector.toml`), overridable by `PASSERELLE_CONNECTOR_*`.

    identity = "spiffe://police.example/connector/police"
    domain = "ter"                          what the records are for, and the token epoch
    recipients = ["agency"]                 who gets wrapped section keys at submission
    [source] [map] [marking]                see sources.mapping and marking
    [circumstances] [provenance]            what goes into the further sealed sections
    [hub] [[trustees]]                      where the others listen; who they are says the registry
    [pki]                                   the authority that renews the leaf; without it nothing does
    [revocation]                            lists of revoked certificates, checked before the hub is called
    [tls] [registry]                        where files lie
    proofs = "proofs"                       keep what the log proved as files (C2SP tlog-proof)
    proofs_quorum = 2                       how many witnesses must have cosigned before a file is complete

Secrets stand in files of their own (mode 0600), never in this one and never on a command line.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from passerelle.config import (
    Part,
    PkiAddress,
    RegistrySettings,
    RevocationSettings,
    RoleSettings,
    TlsSettings,
)
from passerelle.record import MAX_BATCH_RECORDS


class HubSettings(Part):
    """The hub: `host:port`, and the agency whose registry entry is the hub's."""

    address: str
    agency: str


class TrusteeSettings(Part):
    """One trustee: `host:port`, and its agency; its index stands in the group key documents."""

    index: Annotated[int, Field(ge=1, le=255)]
    address: str
    agency: str


class ConnectorSettings(RoleSettings):
    """Everything a connector needs to run."""

    model_config = SettingsConfigDict(env_prefix="PASSERELLE_CONNECTOR_")

    identity: str
    domain: str
    epoch: Annotated[int, Field(ge=1)] = 1
    tiers: tuple[str, ...] = ("core", "strong")
    region: str = "BE"
    recipients: tuple[str, ...] = ()
    store: Path = Path("connector.db")
    keys: Path = Path("keys")
    group_keys: Path = Path("group-keys.json")
    development_keys: bool = False
    batch_records: Annotated[int, Field(ge=1, le=MAX_BATCH_RECORDS)] = 500
    scan_seconds: Annotated[float, Field(gt=0)] = 60.0
    watch_seconds: Annotated[float, Field(ge=0)] = 5.0
    withdraw_share: Annotated[float, Field(ge=0, le=1)] = 0.2
    withdraw_rows: Annotated[int, Field(ge=1)] = 10
    reconcile_seconds: Annotated[float, Field(gt=0)] = 86_400.0
    log_seconds: Annotated[float, Field(gt=0)] = 30.0
    log_state: Path = Path("log")
    proofs: Path | None = None
    proofs_quorum: Annotated[int, Field(ge=0, le=32)] = 2
    rotate_days: Annotated[float, Field(ge=0)] = 30.0
    closer_seconds: Annotated[float, Field(ge=0)] = 0.0  # between rounds of closer looks; 0 answers none
    retry_seconds: Annotated[float, Field(gt=0)] = 2.0
    retry_limit_seconds: Annotated[float, Field(gt=0)] = 300.0
    log_level: str = "INFO"
    source: dict[str, Any]
    map: dict[str, Any]
    marking: dict[str, Any] = Field(default_factory=dict[str, Any])
    circumstances: dict[str, Any] = Field(default_factory=dict[str, Any])
    provenance: dict[str, Any] = Field(default_factory=dict[str, Any])
    hub: HubSettings
    trustees: tuple[TrusteeSettings, ...]
    pki: PkiAddress | None = None
    revocation: RevocationSettings = RevocationSettings()
    tls: TlsSettings = TlsSettings()
    registry: RegistrySettings = RegistrySettings()
