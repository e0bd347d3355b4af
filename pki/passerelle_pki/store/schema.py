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

REVOCATION = Table(
    "revocation",
    METADATA,
    Column("serial", Text, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("actor", Text, nullable=False),
)

# Issuing authorities after the first, which is number 1 and lies in the authority's own folder.
GENERATION = Table(
    "generation",
    METADATA,
    Column("number", Integer, primary_key=True),
    Column("state", Text, nullable=False),
    Column("changed", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
)

# What people did at this authority, oldest first; the detail holds names, serial numbers and codes only.
EVENT = Table(
    "event",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("at", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("detail", Text, nullable=False),
)

# A row is one enrolment: a code was given out, then used once, then decided by somebody else.
ENROLMENT = Table(
    "enrolment",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("agency", Text, nullable=False, index=True),
    Column("identity", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("code", LargeBinary, nullable=False, unique=True),
    Column("made_by", Text, nullable=False),
    Column("made", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("changed", BigInteger, nullable=False),
    Column("decided_by", Text),
    Column("ticket", LargeBinary, unique=True),
    Column("request", LargeBinary),
    Column("manifest", LargeBinary),
    Column("digest", LargeBinary),
    Column("chain", LargeBinary),
)
