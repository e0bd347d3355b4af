"""The trustee's configuration: one TOML file (`trustee.toml`), overridable by `PASSERELLE_TRUSTEE_*`.

    identity = "spiffe://trustee-1.example/trustee/oversight"
    listen = "0.0.0.0:7543"
    shares = "shares.json"                  mode 0600, made by the ceremony
    [budgets] phone = 200000                elements a day, agency and group; others keep their default
    [exceptions.police] phone = 500000      for one agency
    [tls] [registry]                        where files lie

The share and the TLS key stand in files of their own (mode 0600), never in this one and never on a command
line.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from passerelle.config import RegistrySettings, RoleSettings, TlsSettings
from passerelle.groups import Group

Elements = Annotated[int, Field(ge=0)]


class WatchedRegistry(RegistrySettings):
    """The registry's entries, read again while the trustee runs."""

    refresh_seconds: Annotated[float, Field(gt=0, le=60)] = 15.0


class TrusteeSettings(RoleSettings):
    """Everything a trustee needs to run. `threads` bounds the evaluations that run at the same time."""

    model_config = SettingsConfigDict(env_prefix="PASSERELLE_TRUSTEE_")

    identity: str
    listen: str = "127.0.0.1:7543"
    shares: Path = Path("shares.json")
    ledger: Path = Path("ledger.db")
    threads: Annotated[int, Field(ge=1, le=64)] = 2
    log_level: str = "INFO"
    budgets: dict[Group, Elements] = Field(default_factory=dict[Group, Elements])
    exceptions: dict[str, dict[Group, Elements]] = Field(default_factory=dict[str, dict[Group, Elements]])
    tls: TlsSettings = TlsSettings()
    registry: WatchedRegistry = WatchedRegistry()
