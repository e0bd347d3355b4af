"""What a supervisor's configuration holds.

identity = "spiffe://oversight.example/supervisor/oversight"
signing = "keys/signing.key"            cosigns; its public half stands in our published manifest
state = "log"                           what was seen, and evidence
[hub] address = "host:7443", agency = "exchange"
[tls] [registry]                        where files lie
[pki] address = "host:7444"             renews the leaf, has our next manifest published
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from passerelle.config import Part, PkiAddress, RegistrySettings, RoleSettings, TlsSettings


class SupervisedHub(Part):
    """The hub: `host:port`, and the agency whose registry entry is the hub's."""

    address: str
    agency: str


class SupervisorSettings(RoleSettings):
    """Everything a supervisor needs."""

    model_config = SettingsConfigDict(env_prefix="PASSERELLE_SUPERVISOR_")

    identity: str
    signing: Path = Path("keys/signing.key")
    manifest: Path = Path("keys/manifest.key")
    state: Path = Path("log")
    seconds: Annotated[float, Field(gt=0)] = 30.0
    rotate_days: Annotated[float, Field(gt=0)] = 30.0
    log_level: str = "INFO"
    hub: SupervisedHub
    pki: PkiAddress | None = None
    tls: TlsSettings = TlsSettings()
    registry: RegistrySettings = RegistrySettings()
