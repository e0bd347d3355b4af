"""The trustee's configuration: one TOML file (`trustee.toml`), overridable by `PASSERELLE_TRUSTEE_*`.

    identity = "spiffe://trustee-1.example/trustee/oversight"
    listen = "0.0.0.0:7543"
    shares = "shares.json"                  mode 0600, where a ceremony elsewhere made them
    ceremonies = "ceremonies"               folder of the ceremonies that this trustee takes part in
    [budgets] phone = 200000                elements a day, agency and group; others keep their default
    [exceptions.police] phone = 500000      for one agency
    rotate_days = 30                        age at which manifest and sealing key are replaced; 0 never
    [hub] address = "hub.example:7443"      reports go there; without it a trustee reports to nobody
          agency = "coordination-centre"
    [revocation] [pki]                      lists of revoked certificates; who renews the leaves
    [tls] [client] [keys] [registry]        where files lie

The share and the keys stand in files of their own (mode 0600), never in this one and never on a command
line.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

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
from passerelle.groups import Group

Elements = Annotated[int, Field(ge=0)]


class WatchedRegistry(RegistrySettings):
    """The registry's entries, read again while the trustee runs."""

    refresh_seconds: Annotated[float, Field(gt=0, le=60)] = 15.0


class HubSettings(Part):
    """The hub that reports go to: `host:port`, and the agency whose registry entry is the hub's."""

    address: str
    agency: str


class ClientSettings(Part):
    """The leaf that calls are made with, and its key (mode 0600); a leaf to listen with is another one."""

    chain: Path = Path("keys/client.pem")
    key: Path = Path("keys/client-key.pem")


class KeySettings(Part):
    """Signing, sealing and manifest key (mode 0600)."""

    signing: Path = Path("keys/signing.key")
    sealing: Path = Path("keys/sealing.key")
    manifest: Path = Path("keys/manifest.key")


class ReportSettings(Part):
    """How often evaluations are reported, and a folder that copies for the supervisor go to."""

    seconds: Annotated[float, Field(gt=0)] = 900.0
    copies: Path | None = None


class TrusteeSettings(RoleSettings):
    """Everything a trustee needs to run. `threads` bounds the evaluations that run at the same time."""

    model_config = SettingsConfigDict(env_prefix="PASSERELLE_TRUSTEE_")

    identity: str
    listen: str = "127.0.0.1:7543"
    shares: Path = Path("shares.json")
    ceremonies: Path = Path("ceremonies")
    ceremony_seconds: Annotated[float, Field(gt=0)] = 2.0
    ledger: Path = Path("ledger.db")
    threads: Annotated[int, Field(ge=1, le=64)] = 2
    rotate_days: Annotated[float, Field(ge=0)] = 30.0
    log_level: str = "INFO"
    budgets: dict[Group, Elements] = Field(default_factory=dict[Group, Elements])
    exceptions: dict[str, dict[Group, Elements]] = Field(default_factory=dict[str, dict[Group, Elements]])
    hub: HubSettings | None = None
    reports: ReportSettings = ReportSettings()
    tls: TlsSettings = TlsSettings()
    client: ClientSettings = ClientSettings()
    keys: KeySettings = KeySettings()
    registry: WatchedRegistry = WatchedRegistry()
    revocation: RevocationSettings = RevocationSettings()
    pki: PkiAddress | None = None
