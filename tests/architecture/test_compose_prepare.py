"""What docker/prepare.py writes is what the compose file mounts, and the hub opens with it."""

from __future__ import annotations

import re
import stat
import tomllib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from passerelle.clock import SystemClock
from passerelle.config import load
from passerelle.keyfile import KeyKind, read_key
from passerelle.oprf.pinned import GroupKeys
from passerelle.sign import SigningKey
from passerelle_connector.keyring import load_keys
from passerelle_hub.config import HubSettings
from passerelle_hub.start import open_core
from passerelle_pki.authority import open_authority
from passerelle_pki.compose import load_register
from passerelle_pki.config import PkiSettings
from passerelle_trustee.share import load_shares


@pytest.fixture
def prepared(script: Callable[[str], ModuleType], tmp_path: Path) -> Path:
    script("docker/prepare.py").prepare(tmp_path, SystemClock())
    return tmp_path


@pytest.fixture
def compose(repository: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((repository / "docker-compose.yml").read_text("utf-8"))
    return loaded


def _here(file: str, prepared: Path) -> Path:
    return prepared / file.removeprefix("./docker/")


def test_every_secret_is_there_and_private(prepared: Path, compose: dict[str, Any]) -> None:
    for name, secret in compose["secrets"].items():
        mode = _here(secret["file"], prepared).stat().st_mode
        assert stat.S_IMODE(mode) == 0o600, name


def test_every_mounted_folder_is_there(prepared: Path, compose: dict[str, Any]) -> None:
    mounts = [
        volume.split(":")[0] for service in compose["services"].values() for volume in service["volumes"]
    ]
    made = [mount for mount in mounts if re.match(r"\./docker/(secrets|material|sources)/", mount)]
    assert made
    assert [mount for mount in made if not any(_here(mount, prepared).iterdir())] == []


def test_no_root_key_is_left(prepared: Path) -> None:
    assert [path.name for path in prepared.rglob("*") if "root-key" in path.name] == []


def test_the_hub_opens_with_it(prepared: Path, repository: Path) -> None:
    """The hub's own file, its container's paths replaced by those of this machine, its database by a file."""
    text = (repository / "docker" / "config" / "hub.toml").read_text("utf-8")
    for inside, here in (
        ("/etc/passerelle/material", prepared / "material" / "hub"),
        ("/etc/passerelle/policies", repository / "policies"),
        ("/etc/passerelle/lists", prepared / "material" / "lists"),
        ("/run/secrets/hub-leaf-key", prepared / "secrets" / "hub" / "leaf-key.pem"),
        ("/run/secrets/hub-signing-key", prepared / "secrets" / "hub" / "signing.key"),
        ("/run/secrets/hub-pepper", prepared / "secrets" / "hub" / "pepper.key"),
        ("/var/lib/passerelle", prepared),
        ("postgresql://passerelle@postgres/passerelle?passfile=/run/secrets/hub-database", "hub.db"),
    ):
        assert inside in text
        text = text.replace(inside, str(here))
    file = prepared / "hub.toml"
    file.write_text(text, "utf-8")
    core = open_core(load(HubSettings, file))
    try:
        assert len(core.registry.federation.entries) == 6
    finally:
        core.close()


def test_the_authority_knows_the_manifest_keys_of_the_connectors(prepared: Path) -> None:
    """A connector of the trial begins without a leaf and gets its first one by renewal."""
    pki = prepared / "secrets" / "pki"
    settings = PkiSettings(base=pki, authority=pki / "authorities" / "federation.example")
    authority = open_authority(settings.path(settings.authority), SystemClock())
    register = load_register(settings, authority, SystemClock())
    for agency in ("police", "prisons"):
        key = SigningKey(read_key(prepared / "secrets" / agency / "manifest.key", KeyKind.SIGNING))
        assert register.manifest_key(key.public.key_id) == key.public


def test_connectors_and_trustees_read_their_keys(prepared: Path) -> None:
    for agency in ("police", "prisons"):
        assert load_keys(prepared / "secrets" / agency).vaults
        pinned = (prepared / "material" / agency / "group-keys.json").read_text("utf-8")
        assert GroupKeys.from_json(pinned).keys
    indices = [load_shares(prepared / "secrets" / f"trustee-{at}" / "shares.json").index for at in (1, 2, 3)]
    assert indices == [1, 2, 3]


def test_hub_and_database_know_the_same_password(prepared: Path, repository: Path) -> None:
    line = (prepared / "secrets" / "hub" / "database.pgpass").read_text("utf-8")
    password = (prepared / "secrets" / "postgres" / "password").read_text("utf-8")
    assert line == f"postgres:5432:passerelle:passerelle:{password}\n"
    hub = tomllib.loads((repository / "docker/config/hub.toml").read_text("utf-8"))
    assert hub["database"].endswith("@postgres/passerelle?passfile=/run/secrets/hub-database")
