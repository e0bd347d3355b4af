"""A hub on a file whose changes are archived."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from backup_kit import Vaulted
from hub_kit import HubKit
from parties import HUB
from store_kit import migrated

from passerelle.seal import SealingKey
from passerelle_hub.backup.archive import Archive, Seals
from passerelle_hub.store import changes


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """A file: what is copied and archived here is SQLite's."""
    return migrated(tmp_path / "hub.db")


@pytest.fixture
def vaulted(hub: HubKit, tmp_path: Path) -> Iterator[Vaulted]:
    folder = tmp_path / "backup"
    folder.mkdir()
    operator = SealingKey.generate()
    seals = Seals(str(HUB), hub.core.foundation.signing_key, operator.public)
    archive = Archive(folder, seals, hub.clock)
    changes.follow(hub.core.database, archive, hub.clock.now)
    made = Vaulted(hub, tmp_path / "hub.db", folder, operator, seals, archive)
    yield made
    archive.close()
    for database in made.opened:
        database.close()
