"""The import contracts of pyproject.toml hold, and none of them holds for lack of anything to look at."""

from __future__ import annotations

import ast
from pathlib import Path

import grimp
import pytest
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

PACKAGES = {
    "kernel": "passerelle",
    "hub": "passerelle_hub",
    "connectors": "passerelle_connector",
    "trustees": "passerelle_trustee",
    "pki": "passerelle_pki",
}


def test_the_contracts_are_kept(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (repository / "pyproject.toml").is_file()
    status = lint_imports(config_filename="pyproject.toml", no_cache=True)
    assert status == EXIT_STATUS_SUCCESS, capsys.readouterr().out


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph(*PACKAGES.values(), include_external_packages=True, cache_dir=None)


def test_the_linter_sees_every_module(graph: grimp.ImportGraph, trees: dict[Path, ast.Module]) -> None:
    """A folder without `__init__.py` cannot be seen by the linter, nor its imports; Alembic's is one."""
    ours = {_module(path) for path in trees if path.parts[0] in PACKAGES and "migrations" not in path.parts}
    assert sorted(ours - graph.modules) == []


def test_the_linter_sees_the_generated_wire_code(graph: grimp.ImportGraph) -> None:
    assert "passerelle.wire.v1.record_pb2" in graph.modules
    assert graph.find_modules_that_directly_import("passerelle.wire.v1.record_pb2")


@pytest.mark.parametrize("closed", ["passerelle.oprf", "passerelle.vault"])
def test_no_chain_of_imports_leads_from_the_hub_to_keys_or_contents(
    graph: grimp.ImportGraph, closed: str
) -> None:
    assert closed in graph.modules
    assert not graph.chain_exists("passerelle_hub", closed, as_packages=True)


def _module(path: Path) -> str:
    parts = path.with_suffix("").parts[1:]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
