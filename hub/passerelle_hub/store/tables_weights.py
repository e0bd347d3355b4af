"""The table of changes of weights: see `weights`."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, String, Table

from passerelle_hub.store.tables import metadata

# Every activation; the last one counts. `file` is the signed change, empty for the shipped table; `rescored`
# the last batch whose pairs were scored anew by it, -1 once all were.
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
