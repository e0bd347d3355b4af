"""The table of what pairs showed of each domain: see `paired`."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, String, Table

from passerelle_hub.store.tables import metadata

# Counts over the pairs of a domain, none of them under embargo, as `match.paired` has them.
paired_count = Table(
    "paired_count",
    metadata,
    Column("domain", String(64), primary_key=True),
    Column("records", BigInteger, nullable=False),
    Column("links", BigInteger, nullable=False),
    Column("alike", BigInteger, nullable=False),
    Column("apart", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
