"""Tables of changes of weights: see `weights`."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, LargeBinary, String, Table

from passerelle_hub.store.tables import Key, metadata

# Every activation; the last one counts. `file` is the signed change, empty for the shipped table; `rescored`
# the last batch whose pairs were scored anew by it or that was left behind, -1 once none is ahead.
weights_change = Table(
    "weights_change",
    metadata,
    Column("generation", Integer, primary_key=True, autoincrement=False),
    Column("revision", String(32), nullable=False),
    Column("file", LargeBinary, nullable=False),
    Column("issued", BigInteger, nullable=False),
    Column("actor", String(128), nullable=False),
    Column("happened", BigInteger, nullable=False),
    Column("rescored", BigInteger, nullable=False),
)

# Batches whose pairs could not be scored anew: how often that was tried, and what it met the last time.
rescoring_left = Table(
    "rescoring_left",
    metadata,
    Column("batch_pk", Key, ForeignKey("batch.batch_pk"), primary_key=True, autoincrement=False),
    Column("tries", Integer, nullable=False),
    Column("code", String(64), nullable=False),
    Column("place", String(128), nullable=False),
)
