"""Tables of trustees' reports, in the metadata of `tables`."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, String, Table

from passerelle_hub.store.tables import metadata

# Trustees' reports of what they evaluated: the exact signed bytes, and their counts for comparing.
evaluation_report = Table(
    "evaluation_report",
    metadata,
    Column("trustee", String(64), primary_key=True),
    Column("day", Integer, primary_key=True, autoincrement=False),  # days since the epoch, UTC
    Column("made", BigInteger, nullable=False),
    Column("signed", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

evaluation_count = Table(
    "evaluation_count",
    metadata,
    Column("trustee", String(64), primary_key=True),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("agency", String(64), primary_key=True),
    Column("group", String(32), primary_key=True),
    Column("requests", BigInteger, nullable=False),
    Column("elements", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
