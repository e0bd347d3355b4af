"""The table of what connectors measured: see `chances`."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, LargeBinary, String, Table

from passerelle_hub.store.tables import metadata

# What each agency's connector measured of chance agreements in its own records, as its last statement had it.
measured_chance = Table(
    "measured_chance",
    metadata,
    Column("domain", String(64), primary_key=True),
    Column("agency", String(64), primary_key=True),
    Column("body", LargeBinary, nullable=False),
    Column("stated", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
