"""The tables of pki. Serial numbers are lower-case hexadecimal text, times microseconds UTC."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, MetaData, Table, Text

SCHEMA_VERSION: Final = 1

METADATA = MetaData()

# A row without fingerprint is a number that was reserved and not (or not yet) handed out.
CERTIFICATE = Table(
    "certificate",
    METADATA,
    Column("serial", Text, primary_key=True),
    Column("identity", Text, nullable=False, index=True),
    Column("usage", Text, nullable=False),
    Column("reserved", BigInteger, nullable=False),
    Column("fingerprint", LargeBinary),
    Column("not_before", BigInteger),
    Column("not_after", BigInteger),
    Column("chain", LargeBinary),
)

ENTRY = Table(
    "entry",
    METADATA,
    Column("agency", Text, primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("payload", LargeBinary, nullable=False),
    Column("key_id", LargeBinary, nullable=False),
    Column("ed25519", LargeBinary, nullable=False),
    Column("ml_dsa_65", LargeBinary, nullable=False),
)
