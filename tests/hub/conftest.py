"""Fixtures of the hub's tests: one policy engine for all, a fresh hub for each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hub_kit import POLICIES, HubKit, hub_kit

from passerelle_hub.policy.bundle import Bundle, load_bundle
from passerelle_hub.policy.embedded import EmbeddedEngine


@pytest.fixture(scope="session")
def bundle() -> Bundle:
    return load_bundle(POLICIES)


@pytest.fixture(scope="session")
def engine(bundle: Bundle) -> Iterator[EmbeddedEngine]:
    made = EmbeddedEngine(bundle)
    yield made
    made.close()


@pytest.fixture
def hub(tmp_path: Path, engine: EmbeddedEngine, bundle: Bundle) -> Iterator[HubKit]:
    with hub_kit(tmp_path, engine, bundle) as kit:
        yield kit
