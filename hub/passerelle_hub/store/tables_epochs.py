"""The table of token epochs, in the metadata of `tables`."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, String, Table

from passerelle_hub.store.tables import metadata

token_epoch = Table(
    "token_epoch",
    metadata,
    Column("domain", String(64), primary_key=True),
    Column("epoch", Integer, primary_key=True, autoincrement=False),
    Column("state", String(16), nullable=False),  # announced, open, closed
    Column("since", BigInteger, nullable=False),
    Column("actor", String(128), nullable=False),
    sqlite_with_rowid=False,
)
