"""The simulator's fixtures: one policy engine for all, a fresh federation for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hub_kit import POLICIES, hub_kit
from simulator import Federation, federation

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
async def simulated(tmp_path: Path, engine: EmbeddedEngine, bundle: Bundle) -> AsyncIterator[Federation]:
    with hub_kit(tmp_path, engine, bundle) as kit:
        async with federation(kit, tmp_path) as made:
            yield made
