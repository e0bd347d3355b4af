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
