"""The ledger's tables (SQLite). Times are microseconds (UTC), days are days since the Unix epoch."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Integer, LargeBinary, MetaData, String, Table

SCHEMA_VERSION: Final = 1

metadata = MetaData()

# One row for each billed request. `statement` is a digest of key and blinded elements: it recognises a retry.
request = Table(
    "request",
    metadata,
    Column("agency", String, primary_key=True),
    Column("request_id", LargeBinary, primary_key=True),
    Column("statement", LargeBinary, nullable=False),
    Column("domain", String, nullable=False),
    Column("group", String, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("elements", Integer, nullable=False),
    Column("day", Integer, nullable=False, index=True),
    Column("billed", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("last_attempt", Integer, nullable=False),
    sqlite_with_rowid=False,
)

# The sums of what was billed; they outlive the single requests.
usage = Table(
    "usage",
    metadata,
    Column("day", Integer, primary_key=True),
    Column("agency", String, primary_key=True),
    Column("group", String, primary_key=True),
    Column("requests", Integer, nullable=False),
    Column("elements", Integer, nullable=False),
    sqlite_with_rowid=False,
)
