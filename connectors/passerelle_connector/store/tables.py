"""The connector's tables (SQLite). Times are microseconds (UTC), ids 16 bytes, digests 32 bytes."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Boolean, Column, Index, Integer, LargeBinary, MetaData, String, Table, Text

SCHEMA_VERSION: Final = 2

AnyRow = tuple[Any, ...]

metadata = MetaData()

runs = Table(
    "runs",
    metadata,
    Column("run", Integer, primary_key=True),
    Column("started", Integer, nullable=False),
    Column("finished", Integer, nullable=False, default=0),
    # Only a complete reading says which rows have vanished.
    Column("complete", Boolean, nullable=False, default=False),
)

rows = Table(
    "rows",
    metadata,
    Column("reference", Text, primary_key=True),
    Column("record_id", LargeBinary, nullable=False, unique=True),
    Column("revision", Integer, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("protocol", String, nullable=False),
    Column("seen_run", Integer, nullable=False, index=True),
    Column("state", String, nullable=False, index=True),
    # The header of the last revision: a withdrawal repeats its entity and marking.
    Column("header", LargeBinary, nullable=False),
)

# Where the next incremental reading of a source begins.
bookmarks = Table(
    "bookmarks",
    metadata,
    Column("source", String, primary_key=True),
    Column("value", Text, nullable=False),
)

salts = Table(
    "salts",
    metadata,
    Column("record_id", LargeBinary, primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("section", String, primary_key=True),
    Column("key_version", Integer, nullable=False),
    Column("salt", LargeBinary, nullable=False),
)

rejects = Table(
    "rejects",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("reference", Text, nullable=False, index=True),
    Column("code", String, nullable=False),
    Column("target", String, nullable=False, default=""),
    Column("fatal", Boolean, nullable=False),
    Column("reasons", Text, nullable=False, default=""),
    Column("at", Integer, nullable=False),
)

tokens = Table(
    "tokens",
    metadata,
    Column("mac", LargeBinary, primary_key=True),
    Column("token", LargeBinary, nullable=False),
    Column("epoch", Integer, nullable=False),
    sqlite_with_rowid=False,
)

batches = Table(
    "batches",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("batch_id", LargeBinary, nullable=False, unique=True),
    Column("created", Integer, nullable=False),
    Column("protocol", String, nullable=False),
    Column("state", String, nullable=False, index=True),
    Column("sequence", Integer, nullable=False, default=0),
    Column("statement", LargeBinary),
    Column("receipt", LargeBinary),
    Column("code", String, nullable=False, default=""),
    sqlite_autoincrement=True,
)

# Statements that the hub answered without using up their number: one of them may still arrive late.
attempts = Table(
    "attempts",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("batch", Integer, nullable=False, index=True),
    Column("statement", LargeBinary, nullable=False),
)

pending = Table(
    "pending",
    metadata,
    Column("position", Integer, primary_key=True),
    Column("record_id", LargeBinary, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("protocol", String, nullable=False),
    Column("batch", Integer, index=True),
    Column("header", LargeBinary, nullable=False),
    Column("kinds", LargeBinary, nullable=False),
    Column("tokens", LargeBinary, nullable=False),
    Column("salt", LargeBinary, nullable=False),
    Index("pending_record", "record_id"),
)

sections = Table(
    "sections",
    metadata,
    Column("position", Integer, primary_key=True),
    Column("ordinal", Integer, primary_key=True),
    Column("name", String, nullable=False),
    Column("ciphertext", LargeBinary, nullable=False),
)

wraps = Table(
    "wraps",
    metadata,
    Column("position", Integer, primary_key=True),
    Column("recipient", String, primary_key=True),
    Column("section", String, primary_key=True),
    Column("wrapped", LargeBinary, nullable=False),
)

keks = Table(
    "keks",
    metadata,
    Column("batch", Integer, primary_key=True),
    Column("recipient", String, primary_key=True),
    Column("key_id", LargeBinary, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)

chain = Table(
    "chain",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("sequence", Integer, nullable=False),
    Column("digest", LargeBinary, nullable=False),
)

# What receipts say the hub holds of us: what a reconciliation compares with the hub's own word.
holdings = Table(
    "holdings",
    metadata,
    Column("record_id", LargeBinary, primary_key=True),
    Column("revision", Integer, nullable=False),
    sqlite_with_rowid=False,
)

inbox = Table(
    "inbox",
    metadata,
    Column("sequence", Integer, primary_key=True),
    Column("notification_id", LargeBinary, nullable=False, unique=True),
    Column("signed", LargeBinary, nullable=False),
    Column("received", Integer, nullable=False),
)

waits = Table(
    "waits",
    metadata,
    Column("part", String, primary_key=True),
    Column("code", String, nullable=False),
    Column("since", Integer, nullable=False),
)

# What the hub's log owes us and has not proven yet (store.promises).
promises = Table(
    "promises",
    metadata,
    Column("name", Text, primary_key=True),
    Column("kind", String, nullable=False),
    Column("due", Integer, nullable=False, index=True),
    Column("digest", LargeBinary, nullable=False),
    Column("proof", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

log_places = Table(
    "log_places",
    metadata,
    Column("part", String, primary_key=True),
    Column("value", Integer, nullable=False),
    sqlite_with_rowid=False,
)

# Manifests that the log was shown to hold (pins).
pins = Table(
    "pins",
    metadata,
    Column("agency", String, primary_key=True),
    Column("manifest", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

# Tokens of ours that the hub calls too common to count, as it last said (reconcile).
too_common = Table(
    "too_common",
    metadata,
    Column("record_id", LargeBinary, primary_key=True),
    Column("kind", Integer, primary_key=True),
    sqlite_with_rowid=False,
)
