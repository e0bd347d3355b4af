"""A plugin of pytest: the real policies and the engine over them, once for all tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from unit_guard import outside

from passerelle_hub.policy.bundle import Bundle, load_bundle
from passerelle_hub.policy.embedded import EmbeddedEngine

POLICIES = Path(__file__).resolve().parents[2] / "policies"


@pytest.fixture(scope="session")
def policies() -> Path:
    """The folder of the policies."""
    return POLICIES


@pytest.fixture(scope="session")
def bundle(policies: Path) -> Bundle:
    """The policies as they are."""
    return load_bundle(policies)


@pytest.fixture(scope="session")
def embedded(bundle: Bundle) -> Iterator[EmbeddedEngine]:
    """The policies in their child process."""
    made = EmbeddedEngine(bundle)
    with outside():
        made.warm()
    yield made
    made.close()


@pytest.fixture(scope="session")
def engine(embedded: EmbeddedEngine) -> EmbeddedEngine:
    """The engine a test decides with, where its folder names no other."""
    return embedded
