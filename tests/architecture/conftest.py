"""The sources as syntax trees, read once for all checks of the architecture."""

from __future__ import annotations

import ast
import gc
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("kernel", "hub", "connectors", "trustees", "pki", "demo", "bench", "tests", "docker", ".ci")
GENERATED = Path("kernel/passerelle/wire")

Trees = dict[Path, ast.Module]


@pytest.fixture(scope="session")
def trees() -> Trees:
    """Every Python source of ours: path from the root of the repository → syntax tree."""
    found = (path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py")))
    inside = ((path, path.relative_to(ROOT)) for path in found)
    gc.collect()
    gc.disable()  # millions of nodes that live to the end: it would look through them again and again
    read = {
        short: ast.parse(path.read_text("utf-8"), str(short))
        for path, short in inside
        if not short.is_relative_to(GENERATED)
    }
    gc.freeze()
    gc.enable()
    return read


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    """Loads a script that belongs to no package, by its path from the root of the repository."""

    def load(path: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(Path(path).stem, ROOT / path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, spec.name, module)
        spec.loader.exec_module(module)
        return module

    return load
