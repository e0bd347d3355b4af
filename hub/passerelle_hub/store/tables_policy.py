"""Tables of signed policies, in the metadata of `tables`: revisions, which is active, what a shadow says."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, String, Table, Text

from passerelle_hub.store.tables import metadata

policy_revision = Table(
    "policy_revision",
    metadata,
    Column("revision", String(80), primary_key=True),
    Column("digest", LargeBinary(32), nullable=False),  # SHA-256 of the archive
    Column("archive", LargeBinary, nullable=False),  # the signed bundle, exact bytes
    Column("issued", BigInteger, nullable=False),  # by the first signature
    Column("first", String(200), nullable=False),
    Column("second", String(200), nullable=False),
    Column("stored", BigInteger, nullable=False),
)

# One row. Which revision decides, and which is tried in its shadow; empty for none. Truth for all processes.
policy_state = Table(
    "policy_state",
    metadata,
    Column("place", Integer, primary_key=True, autoincrement=False),  # always 1
    Column("generation", BigInteger, nullable=False),
    Column("revision", String(80), nullable=False),
    Column("shadow", String(80), nullable=False),
)

policy_change = Table(
    "policy_change",
    metadata,
    Column("generation", BigInteger, primary_key=True, autoincrement=False),
    Column("action", String(16), nullable=False),  # activated, rolled_back, shadowed, unshadowed
    Column("revision", String(80), nullable=False),
    Column("actor", String(200), nullable=False),
    Column("happened", BigInteger, nullable=False),
)

policy_difference = Table(
    "policy_difference",
    metadata,
    Column("difference", LargeBinary(32), primary_key=True),  # digest over what follows, up to `why`
    Column("active", String(80), nullable=False),
    Column("shadow", String(80), nullable=False),
    Column("package", String(32), nullable=False),
    Column("action", String(64), nullable=False),
    Column("change", String(24), nullable=False),
    Column("why", Text, nullable=False),
    Column("decision", String(32), nullable=False),  # the first one, as an example
    Column("count", BigInteger, nullable=False),
    Column("latest", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
