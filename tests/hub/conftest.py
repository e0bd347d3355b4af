"""Fixtures of the hub's tests: a fresh hub for each on each database, one policy engine for all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hub_kit import HubKit, hub_kit

from passerelle_hub.policy.bundle import Bundle
from passerelle_hub.policy.embedded import EmbeddedEngine


@pytest.fixture
def hub(tmp_path: Path, database_url: str, engine: EmbeddedEngine, bundle: Bundle) -> Iterator[HubKit]:
    with hub_kit(tmp_path, engine, bundle, database_url) as kit:
        yield kit
