"""Each role's recipe declares what its code imports, offers the root's commands, and packs its data."""

from __future__ import annotations

import ast
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
from hatchling.builders.wheel import WheelBuilder
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PACKAGES = {
    "kernel": "passerelle",
    "hub": "passerelle_hub",
    "connectors": "passerelle_connector",
    "trustees": "passerelle_trustee",
    "pki": "passerelle_pki",
}
KERNEL = "passerelle-kernel"
# Declared and never imported by name: drivers and libraries that another package loads.
LOADED_BY_OTHERS: dict[str, set[str]] = {}
roles = pytest.mark.parametrize("role", PACKAGES)


def _recipe(repository: Path, role: str) -> dict[str, Any]:
    loaded: dict[str, Any] = tomllib.loads((repository / role / "pyproject.toml").read_text("utf-8"))
    return loaded


def _declared(repository: Path, role: str) -> dict[str, Requirement]:
    project = _recipe(repository, role)["project"]
    extras = [line for lines in project.get("optional-dependencies", {}).values() for line in lines]
    parsed = [Requirement(line) for line in (*project["dependencies"], *extras)]
    return {canonicalize_name(requirement.name): requirement for requirement in parsed}


def _imported(trees: dict[Path, ast.Module], role: str) -> set[str]:
    """The distributions that a role's code imports, our own apart."""
    providers = packages_distributions()
    names = {
        name.split(".")[0]
        for path, tree in trees.items()
        if path.is_relative_to(Path(role, PACKAGES[role]))
        for name in _names(tree)
    }
    if role == "kernel":
        names.add("google")  # the generated wire code, which the syntax trees leave out
    foreign = names - set(sys.stdlib_module_names) - set(PACKAGES.values())
    return {canonicalize_name(_provider(providers.get(name, [name]))) for name in foreign}


def _provider(candidates: list[str]) -> str:
    """The one of several distributions in one namespace that we mean."""
    return "protobuf" if "protobuf" in candidates else candidates[0]


def _names(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module


@roles
def test_every_import_is_declared(repository: Path, trees: dict[Path, ast.Module], role: str) -> None:
    declared = set(_declared(repository, role)) | set(_declared(repository, "kernel"))
    assert sorted(_imported(trees, role) - declared) == []


@roles
def test_nothing_is_declared_without_use(repository: Path, trees: dict[Path, ast.Module], role: str) -> None:
    used = _imported(trees, role) | LOADED_BY_OTHERS.get(role, set()) | {KERNEL}
    assert sorted(set(_declared(repository, role)) - used) == []


@roles
def test_the_ranges_admit_what_is_locked(repository: Path, role: str) -> None:
    lock = (repository / "requirements.lock").read_text("utf-8").splitlines()
    entries = [Requirement(line.rstrip(" \\")) for line in lock if "==" in line and line[0].isalnum()]
    locked = {canonicalize_name(entry.name): next(iter(entry.specifier)).version for entry in entries}
    version = _recipe(repository, "kernel")["project"]["version"]
    for name, requirement in _declared(repository, role).items():
        assert requirement.specifier.contains(
            version if name == KERNEL else locked[canonicalize_name(name)]
        ), requirement


@roles
def test_a_side_stands_on_the_kernel_alone(repository: Path, role: str) -> None:
    ours = {name for name in _declared(repository, role) if name.startswith("passerelle")}
    assert ours == (set() if role == "kernel" else {KERNEL})


def test_the_recipes_offer_the_commands_of_the_root(repository: Path) -> None:
    root = _recipe(repository, ".")["project"]
    offered: dict[str, str] = {"demo": "passerelle_demo.cli:app"}
    for role in PACKAGES:
        offered |= _recipe(repository, role)["project"].get("entry-points", {}).get("passerelle.roles", {})
    assert offered == root["entry-points"]["passerelle.roles"]
    assert _recipe(repository, "kernel")["project"]["scripts"] == root["scripts"]


@roles
def test_the_wheel_packs_code_and_data(repository: Path, tmp_path: Path, role: str) -> None:
    built = next(iter(WheelBuilder(str(repository / role)).build(directory=str(tmp_path))))
    packed = set(zipfile.ZipFile(built).namelist())
    package = repository / role / PACKAGES[role]
    files = {str(path.relative_to(repository / role)) for path in package.rglob("*") if path.is_file()}
    assert sorted(name for name in files - packed if "__pycache__" not in name) == []
