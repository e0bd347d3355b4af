"""Table of one-off queries, in the metadata of `tables`. Nothing of a question is kept but its id."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, LargeBinary, String, Table

from passerelle_hub.store.tables import metadata

# Ids of the questions of the last minutes, so that none is answered twice.
query_asked = Table(
    "query_asked",
    metadata,
    Column("agency", String(64), primary_key=True),
    Column("query_id", LargeBinary(16), primary_key=True),
    Column("asked", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
