"""Tables of the log, in the metadata of `tables`."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, String, Table, Text, text

from passerelle_hub.store.tables import Key, metadata

audit_event = Table(
    "audit_event",
    metadata,
    Column("event_pk", Key, primary_key=True, autoincrement=True),
    Column("commitment", LargeBinary(32), nullable=False, unique=True),
    Column("salt", LargeBinary(16), nullable=False),
    Column("kind", String(48), nullable=False),
    Column("actor", String(200), nullable=False),
    Column("happened", BigInteger, nullable=False),
    Column("detail", Text, nullable=False),  # JSON, figures and ids only
    Column("subject", String(160), nullable=False),  # what it vouches for, empty for nothing
    Column("vouched", LargeBinary(32), nullable=False),  # digest of the subject's content, or empty
    Column("erased", LargeBinary(32), nullable=False),  # inner digest once the details are gone, or empty
    Column("tag", LargeBinary(16), nullable=False),  # the hub's own mark (passerelle_hub.audit.EventSeal)
    Column("tick", BigInteger, nullable=True),
    Column("position", Integer, nullable=True),
    Index(None, "tick"),
    Index(
        "ix_audit_event_subject",
        "subject",
        sqlite_where=text("subject != ''"),
        postgresql_where=text("subject != ''"),
    ),
)

log_tick = Table(
    "log_tick",
    metadata,
    Column("tick", BigInteger, primary_key=True, autoincrement=False),  # its leaf index in the tree
    Column("closed", BigInteger, nullable=False),
    Column("salt", LargeBinary(32), nullable=False),
    Column("root", LargeBinary(32), nullable=False),
)

log_node = Table(
    "log_node",
    metadata,
    Column("level", Integer, primary_key=True),
    Column("position", BigInteger, primary_key=True),
    Column("hash", LargeBinary(32), nullable=False),
    sqlite_with_rowid=False,
)

checkpoint = Table(
    "checkpoint",
    metadata,
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("created", BigInteger, nullable=False),
    Column("note", LargeBinary, nullable=False),  # C2SP signed note with the hub's own lines
    Column("offered", Boolean, nullable=False),  # to witnesses
)

cosignature = Table(
    "cosignature",
    metadata,
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("witness", String(64), primary_key=True),
    Column("created", BigInteger, nullable=False),
    Column("note", LargeBinary, nullable=False),  # the checkpoint's text with the witness's lines
    sqlite_with_rowid=False,
)

timestamp = Table(
    "timestamp",
    metadata,
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("created", BigInteger, nullable=False),
    Column("answer", LargeBinary, nullable=False),  # RFC 3161 response over the checkpoint's text
)
