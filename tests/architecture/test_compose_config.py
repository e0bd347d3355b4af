"""The configuration files of the compose federation are ones the roles accept, and agree with one another."""

from __future__ import annotations

import importlib
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from passerelle.config import RoleSettings, load

CONFIG = Path("docker/config")
MODELS = {
    "hub": ("passerelle_hub.config", "HubSettings"),
    "pki": ("passerelle_pki.config", "PkiSettings"),
    "trustee": ("passerelle_trustee.config", "TrusteeSettings"),
    "connector": ("passerelle_connector.config", "ConnectorSettings"),
}
FILES = (
    *("hub", "pki", "trustee-1", "trustee-2", "trustee-3"),
    *("connector-police", "connector-prisons"),
)


def _settings(file: str) -> RoleSettings:
    module, name = MODELS[file.split("-", maxsplit=1)[0]]
    model: type[RoleSettings] = getattr(importlib.import_module(module), name)
    return load(model, CONFIG / f"{file}.toml")


def _table(file: str) -> dict[str, Any]:
    return tomllib.loads((CONFIG / f"{file}.toml").read_text("utf-8"))


def test_there_is_a_file_for_each_service(repository: Path) -> None:
    assert sorted(path.stem for path in (repository / CONFIG).glob("*.toml")) == sorted(FILES)


@pytest.mark.parametrize("file", FILES)
def test_the_role_accepts_its_file(repository: Path, file: str) -> None:
    assert repository
    assert _settings(file).base == Path("/var/lib/passerelle")


@pytest.mark.parametrize("file", FILES)
def test_every_absolute_path_is_mounted(repository: Path, file: str) -> None:
    compose = yaml.safe_load((repository / "docker-compose.yml").read_text("utf-8"))
    service = compose["services"][file]
    mounts = {Path(volume.split(":")[1]) for volume in service["volumes"]}
    mounts |= {Path("/run/secrets", _target(secret)) for secret in service.get("secrets", [])}
    named = [Path(value) for value in _texts(_table(file)) if value.startswith("/")]
    assert named
    assert [path for path in named if not any(_meets(path, mount) for mount in mounts)] == []


@pytest.mark.parametrize("file", ["connector-police", "connector-prisons"])
def test_connectors_call_parties_that_listen(repository: Path, file: str) -> None:
    assert repository
    table, hub = _table(file), _table("hub")
    assert table["hub"]["address"] == f"hub:{hub['listen'].rpartition(':')[2]}"
    assert hub["identity"].endswith(f"/{table['hub']['agency']}")
    assert table["pki"]["address"] == f"pki:{_table('pki')['listen'].rpartition(':')[2]}"
    assert table["pki"]["agency"] == _table("pki")["agency"]
    for trustee in table["trustees"]:
        other = _table(trustee["agency"])
        assert trustee["address"] == f"{trustee['agency']}:{other['listen'].rpartition(':')[2]}"
        assert other["identity"].endswith(f"/{trustee['agency']}")
    assert table["epoch"] in hub["domains"][table["domain"]]


def _target(secret: str | dict[str, str]) -> str:
    return secret if isinstance(secret, str) else secret["target"]


def _meets(path: Path, mount: Path) -> bool:
    """Whether a path lies in a mount, or is the folder that mounted secrets lie in."""
    return path.is_relative_to(mount) or mount.parent == path


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for item in value.values() for text in _texts(item)]
    if isinstance(value, list):
        return [text for item in value for text in _texts(item)]
    return [value] if isinstance(value, str) else []
