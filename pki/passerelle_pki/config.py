"""Configuration of pki: where the authority and the registry live. Secrets are files in those folders."""

from __future__ import annotations

from pathlib import Path

from pydantic_settings import SettingsConfigDict

from passerelle.config import RoleSettings


class PkiSettings(RoleSettings):
    """`authority` and `registry` are folders; the registry only where this pki runs the federation's."""

    model_config = SettingsConfigDict(env_prefix="PASSERELLE_PKI_")
    authority: Path = Path("authority")
    registry: Path = Path("registry")
