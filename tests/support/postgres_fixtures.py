"""Fixtures for what runs on both databases: one PostgreSQL server for all tests, a database for each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import postgres_kit
import pytest
from store_kit import migrated

from passerelle_hub.store import Database


@pytest.fixture(scope="session")
def postgres() -> Iterator[postgres_kit.Server]:
    """A running PostgreSQL server; `.ci/run` installs the Debian package."""
    programs = postgres_kit.binaries()
    if programs is None:
        pytest.skip("no PostgreSQL 15 or newer: apt-get install postgresql, or set PASSERELLE_POSTGRES")
    with postgres_kit.server(programs) as running:
        yield running


KINDS = ["sqlite", pytest.param("postgresql", marks=pytest.mark.integration)]
"""For `params` of a fixture that makes a database of each kind."""


@pytest.fixture(params=KINDS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database of one's own with the newest schema, once on each kind."""
    if request.param == "sqlite":
        yield migrated(tmp_path / "hub.db")
        return
    running: postgres_kit.Server = request.getfixturevalue("postgres")
    with running.migrated() as url:
        yield url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A hub's database, once on each kind."""
    made = Database(database_url)
    yield made
    made.close()
