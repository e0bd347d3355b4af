"""The simulator's fixtures: a fresh federation for each test, one policy engine for all."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hub_kit import hub_kit
from simulator import Federation, federation

from passerelle_hub.policy.bundle import Bundle
from passerelle_hub.policy.embedded import EmbeddedEngine


@pytest.fixture
async def simulated(tmp_path: Path, engine: EmbeddedEngine, bundle: Bundle) -> AsyncIterator[Federation]:
    with hub_kit(tmp_path, engine, bundle) as kit:
        async with federation(kit, tmp_path) as made:
            yield made
