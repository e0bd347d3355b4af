"""Table of the population, in the metadata of `tables`."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, String, Table

from passerelle_hub.store.tables import metadata

# Active records under no embargo. A row per agency: its batches stand in line anyway, so nobody waits here.
population = Table(
    "population",
    metadata,
    Column("domain", String(64), primary_key=True),
    Column("agency", String(64), primary_key=True),
    Column("visible", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
