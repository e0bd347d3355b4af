"""Tables of the hub's own decisions about standing; beside those of `tables`, on the same metadata."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, String, Table, Text

from passerelle_hub.store.tables import metadata

suspension = Table(
    "suspension",
    metadata,
    Column("agency", String(64), primary_key=True),
    Column("since", BigInteger, nullable=False),
    Column("actor", String(128), nullable=False),
    Column("reason", Text, nullable=False),
    sqlite_with_rowid=False,
)

barred_certificate = Table(
    "barred_certificate",
    metadata,
    Column("trust_domain", String(128), primary_key=True),
    Column("serial", String(40), primary_key=True),  # lower-case hexadecimal
    Column("since", BigInteger, nullable=False),
    Column("actor", String(128), nullable=False),
    Column("reason", Text, nullable=False),
    sqlite_with_rowid=False,
)
