"""Tables of backup and restore, in the metadata of `tables`."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, String, Table

from passerelle_hub.store.tables import metadata

# One row: the change that this database ends with, see `changes`.
archive = Table(
    "archive",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("number", BigInteger, nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
    Column("erasures", BigInteger, nullable=False),
    Column("revision", String(32), nullable=False),  # of the schema that the chain of changes is about
)

# One row on PostgreSQL: the server that these tables belong to, see `origin`.
origin = Table(
    "origin",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("system", BigInteger, nullable=False),
    Column("timeline", BigInteger, nullable=False),
)

# Agencies whose word a restored hub awaits before it matches.
recovery = Table(
    "recovery",
    metadata,
    Column("agency", String(64), primary_key=True),
    Column("since", BigInteger, nullable=False),
)
