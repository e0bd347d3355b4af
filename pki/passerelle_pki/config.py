"""Configuration of pki: where the authority and the registry live. Secrets are files in those folders."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from passerelle.config import Part, RegistrySettings, RoleSettings


class ThrottleSettings(Part):
    """Calls a minute that the listener takes: from one source address, and in all."""

    each: Annotated[int, Field(ge=1)] = 30
    total: Annotated[int, Field(ge=1)] = 600


class PublishSettings(Part):
    """Folders of other roles on this machine (or a share) that are kept up to date: signed entries, lists."""

    entries: tuple[Path, ...] = ()
    revocations: tuple[Path, ...] = ()


class TrusteePlace(Part):
    """Where newcomers find a trustee."""

    index: Annotated[int, Field(ge=1, le=255)]
    agency: str
    address: str


class FederationSettings(Part):
    """What newcomers are told: the hub's agency and `host:port`, trustees, the group keys' document, domain.

    `authority` is the `host:port` under which newcomers reach `pki run`; by default where it listens.
    """

    hub_agency: str
    hub_address: str
    trustees: tuple[TrusteePlace, ...] = ()
    group_keys: Path = Path("group-keys.json")
    domain: str = "ter"
    authority: str = ""


class PkiSettings(RoleSettings):
    """`operators` is a folder of the public keys of those who may make codes and approve, a file a person.

    `authority` and `registry` are folders; the registry only where this pki runs the federation's.

    `listen` is where `pki run` answers, as `agency` in the role pki of the authority's trust domain. Whom it
    renews for stand in the registry; an authority without one reads signed entries from the folder that
    `directory` names, again every `refresh_seconds`.
    """

    model_config = SettingsConfigDict(env_prefix="PASSERELLE_PKI_")
    authority: Path = Path("authority")
    registry: Path = Path("registry")
    listen: str = "127.0.0.1:7444"
    agency: str = "authority"
    operators: Path = Path("operators")
    directory: RegistrySettings | None = None
    publish: PublishSettings = PublishSettings()
    federation: FederationSettings | None = None
    refresh_seconds: Annotated[float, Field(gt=0)] = 15.0
    throttle: ThrottleSettings = ThrottleSettings()
    log_level: str = "INFO"
