"""Table of judgements, in the metadata of `tables`. Rows are added and never changed."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, LargeBinary, String, Table, Text

from passerelle_hub.store.tables import Key, metadata

judgement = Table(
    "judgement",
    metadata,
    Column("agency", String(64), primary_key=True),
    Column("judgement_id", LargeBinary(16), primary_key=True),
    Column("link_pk", Key, ForeignKey("link.link_pk"), nullable=False),
    Column("verdict", String(24), nullable=False),
    Column("fields", Text, nullable=False),  # JSON: which agreed when it was given, in order
    Column("decision", String(32), nullable=False),
    Column("recorded", BigInteger, nullable=False),  # rises with each judgement of a link
    Column("signed", LargeBinary, nullable=False),  # the statement, exact bytes with their signature
    Index(None, "link_pk"),
    sqlite_with_rowid=False,
)
