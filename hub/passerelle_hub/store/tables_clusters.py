"""Tables of clusters, in the metadata of `tables`. Computed from links; see `passerelle_hub.clustering`."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Table

from passerelle_hub.store.tables import Key, metadata

# Links that changed and whose clusters were not computed since; a link stands in it once per change.
cluster_news = Table(
    "cluster_news",
    metadata,
    Column("news_pk", Key, primary_key=True, autoincrement=True),
    Column("link_pk", Key, ForeignKey("link.link_pk"), nullable=False),
)

# A record that stands in a cluster with others. `told`: its agency knows of a third one in it.
cluster_member = Table(
    "cluster_member",
    metadata,
    Column("record_pk", Key, ForeignKey("record.record_pk"), primary_key=True, autoincrement=False),
    Column("cluster", BigInteger, nullable=False),  # the smallest key of its records
    Column("told", Boolean, nullable=False),
    Index(None, "cluster"),
)
