"""The part of the lock that goes into an image: complete, pinned by hash, without development tools."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

TOOLS = {"pytest", "mypy", "ruff", "pyright", "hypothesis", "grpcio-tools", "mimesis"}
LOCK = """alpha==1.0 \\
    --hash=sha256:00
    # via -r requirements.in
beta==2.0 ; sys_platform != 'win32' \\
    --hash=sha256:01
    # via
    #   alpha
    #   gamma-x
gamma-x==3.0 \\
    --hash=sha256:02
    # via -r requirements.in
"""


@pytest.fixture
def role_lock(script: Callable[[str], ModuleType]) -> ModuleType:
    return script("docker/role_lock.py")


def test_a_package_brings_what_it_asked_for(role_lock: ModuleType) -> None:
    lock = role_lock.read_lock(LOCK)
    assert role_lock.closure(lock, {"alpha"}) == {"alpha", "beta"}
    assert role_lock.closure(lock, {"beta"}) == {"beta"}
    assert lock["beta"].lines[0].startswith("beta==2.0 ; sys_platform")


def test_a_package_that_is_not_locked_is_refused(role_lock: ModuleType) -> None:
    with pytest.raises(KeyError, match="delta"):
        role_lock.closure(role_lock.read_lock(LOCK), {"delta"})


@pytest.mark.parametrize("role", ["hub", "connectors", "trustees", "pki"])
def test_an_image_holds_no_tools(
    repository: Path, role_lock: ModuleType, role: str, capsys: pytest.CaptureFixture[str]
) -> None:
    recipes = (repository / name / "pyproject.toml" for name in ("kernel", role))
    role_lock.main(str(repository / "requirements.lock"), *map(str, recipes))
    names = set(re.findall(r"^([a-z0-9-]+)==", capsys.readouterr().out, re.MULTILINE))
    assert {"grpcio", "cryptography", "pydantic", "hatchling"} <= names
    assert names & TOOLS == set()
    assert ("apscheduler" in names) is (role == "hub")


@pytest.mark.parametrize("role", ["kernel", "hub", "connectors", "trustees", "pki"])
@pytest.mark.parametrize("extras", [(), ("pkcs11",)])
def test_an_image_holds_the_binding_to_tokens_where_it_is_asked_for(
    repository: Path,
    role_lock: ModuleType,
    role: str,
    extras: tuple[str, ...],
    capsys: pytest.CaptureFixture[str],
) -> None:
    recipes = (repository / name / "pyproject.toml" for name in ("kernel", role))
    role_lock.main(str(repository / "requirements.lock"), *map(str, recipes), extras=extras)
    pins = re.findall(r"^(\S+)==.*\\\n    --hash=sha256:[0-9a-f]{64}", capsys.readouterr().out, re.MULTILINE)
    assert ({"python-pkcs11", "asn1crypto"} <= set(pins)) is bool(extras)


def test_an_extra_that_no_recipe_has_is_refused(repository: Path, role_lock: ModuleType) -> None:
    recipe = str(repository / "hub/pyproject.toml")
    with pytest.raises(KeyError, match="pkcs12"):
        role_lock.main(str(repository / "requirements.lock"), recipe, extras=("pkcs12",))


def test_the_image_takes_extras_and_the_page_on_keys_says_how(repository: Path) -> None:
    dockerfile = (repository / "docker/Dockerfile").read_text("utf-8")
    build, final = dockerfile.split("AS build", 1)[1].split("\nFROM ", 1)
    assert "ARG EXTRAS=" in build and '--extras "${EXTRAS}"' in build
    assert "ARG PACKAGES=" in final and "libsodium23 ${PACKAGES}" in final
    page = (repository / "docs/operate/keys.md").read_text("utf-8")
    assert "--build-arg EXTRAS=pkcs11" in page and "--build-arg PACKAGES=" in page
