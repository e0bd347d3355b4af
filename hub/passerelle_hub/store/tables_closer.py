"""The table of closer looks at pairs; beside those of `tables`, on the same metadata."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, String, Table, Text

from passerelle_hub.store.tables import Key, metadata

closer_look = Table(
    "closer_look",
    metadata,
    Column("low", Key, primary_key=True, autoincrement=False),
    Column("high", Key, primary_key=True, autoincrement=False),
    Column("nonce", LargeBinary(16), nullable=False, unique=True),
    Column("low_revision", Integer, nullable=False),  # another revision is another record to compare
    Column("high_revision", Integer, nullable=False),
    Column("state", String(16), nullable=False),  # asked, answered, compared
    Column("expires", BigInteger, nullable=False),  # of a question
    Column("low_answer", LargeBinary, nullable=False),  # passerelle.codec.closer; empty once compared
    Column("high_answer", LargeBinary, nullable=False),
    Column("levels", Text, nullable=False),  # JSON, field to level; empty before
    Column("decision", String(32), nullable=False),
    Index(None, "state", "expires"),
    sqlite_with_rowid=False,
)
