"""The compose file follows its specification, keeps the design's boundaries, and names files that exist."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

Services = dict[str, dict[str, Any]]

TRUSTEES = ("trustee-1", "trustee-2", "trustee-3")
CONNECTORS = ("connector-police", "connector-prisons")
EXPECTED = {"hub", "opa", "postgres", "pki", *TRUSTEES, *CONNECTORS}
# Made at set-up and never in the repository; a missing one must stop the start, not be created empty.
MADE_AT_SETUP = ("./docker/secrets/", "./docker/material", "./docker/sources/")
SECRET_NAME = re.compile(r"PASS|SECRET|TOKEN|KEY|PEPPER|CREDENTIAL")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    text = (Path(__file__).resolve().parents[2] / "docker-compose.yml").read_text("utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


@pytest.fixture(scope="module")
def services(compose: dict[str, Any]) -> Services:
    found: Services = compose["services"]
    return found


def test_the_file_follows_the_specification(compose: dict[str, Any], repository: Path) -> None:
    schema = json.loads((repository / "tests" / "vectors" / "compose-spec.json").read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    faults = [error.message for error in jsonschema.Draft202012Validator(schema).iter_errors(compose)]
    assert faults == []


def test_every_part_of_the_federation_is_there(services: Services) -> None:
    assert set(services) >= EXPECTED


def test_nothing_runs_as_root_or_writes_where_it_should_not(services: Services) -> None:
    for name, service in services.items():
        assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", service["user"]), name
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert not service.get("privileged"), name
        assert "cap_add" not in service, name


def test_everything_that_runs_on_says_whether_it_is_well(services: Services) -> None:
    for name in ("hub", "opa", "postgres", "pki", *TRUSTEES, *CONNECTORS):
        assert services[name]["healthcheck"]["test"][0] == "CMD", name


def test_secrets_come_as_files_and_reach_only_their_owner(
    compose: dict[str, Any], services: Services
) -> None:
    mounted = [_source(secret) for service in services.values() for secret in service.get("secrets", [])]
    assert sorted(mounted) == sorted(compose["secrets"]), "a secret belongs to exactly one service"
    for secret in compose["secrets"].values():
        assert set(secret) == {"file"}
        assert secret["file"].startswith("./docker/secrets/")
    for name, service in services.items():
        for variable, value in service.get("environment", {}).items():
            if SECRET_NAME.search(variable):
                assert variable.endswith("_FILE"), f"{name}: {variable} holds a secret"
                assert value.startswith("/run/secrets/"), f"{name}: {variable}"


def test_only_reports_join_a_trustee_to_the_hub_and_nothing_joins_two_agencies(services: Services) -> None:
    networks = {name: set(service.get("networks", [])) for name, service in services.items()}
    for trustee in TRUSTEES:
        assert networks[trustee]
        assert networks[trustee] & networks["hub"] == {"reports"}
    assert not networks["pki"] & networks["hub"]
    first, second = (networks[name] for name in CONNECTORS)
    assert not first & second
    for mine in (first, second):
        assert mine & networks["hub"]
        assert mine & networks["pki"]
        assert all(mine & networks[trustee] for trustee in TRUSTEES)


def test_trustees_database_and_authority_cannot_reach_the_world(
    compose: dict[str, Any], services: Services
) -> None:
    inside = {name for name, network in compose["networks"].items() if (network or {}).get("internal")}
    for name in (*TRUSTEES, "postgres", "pki"):
        assert set(services[name]["networks"]) <= inside, name
        assert "ports" not in services[name], name


def test_opa_is_reached_over_the_loopback_of_the_hub_only(services: Services) -> None:
    assert services["opa"]["network_mode"] == "service:hub"
    assert "--addr=127.0.0.1:8181" in services["opa"]["command"]


def test_every_named_file_exists_or_is_made_at_setup(
    compose: dict[str, Any], services: Services, repository: Path
) -> None:
    files = [entry["file"] for entry in compose["configs"].values()]
    for service in services.values():
        files += [volume.split(":")[0] for volume in service.get("volumes", []) if volume.startswith("./")]
        if build := service.get("build"):
            files += [build["context"], build["dockerfile"]]
    in_tree = [file for file in files if not file.startswith(MADE_AT_SETUP)]
    assert [file for file in in_tree if not (repository / file).exists()] == []
    ignored = (repository / ".gitignore").read_text("utf-8").splitlines()
    assert {"/docker/secrets/", "/docker/material/", "/docker/sources/"} <= set(ignored)


def test_every_declared_volume_network_and_config_is_used(
    compose: dict[str, Any], services: Services
) -> None:
    volumes = {volume.split(":")[0] for service in services.values() for volume in service.get("volumes", [])}
    networks = {network for service in services.values() for network in service.get("networks", [])}
    configs = {entry["source"] for service in services.values() for entry in service.get("configs", [])}
    assert set(compose["volumes"]) == {name for name in volumes if not name.startswith("./")}
    assert set(compose["networks"]) == networks
    assert set(compose["configs"]) == configs


@pytest.mark.parametrize("role", ["hub", "connectors", "trustees", "pki"])
def test_each_role_has_an_image(services: Services, role: str) -> None:
    built = [service["build"] for service in services.values() if "build" in service]
    assert role in {build["args"]["ROLE"] for build in built}


def test_the_image_installs_by_hash_and_drops_root(repository: Path) -> None:
    text = (repository / "docker" / "Dockerfile").read_text("utf-8")
    assert "--require-hashes" in text
    assert text.rfind("USER 10001:10001") > text.rfind("RUN ")
    assert "libsodium23" in text


def _source(secret: str | dict[str, str]) -> str:
    return secret if isinstance(secret, str) else secret["source"]
