"""Clusters of linked records, and the links to be worked into them.

Revision: 0014, after 0013. Adds two tables; every link there is waits to be worked in.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "cluster_news",
        sa.Column("news_pk", _KEY, autoincrement=True, nullable=False),
        sa.Column("link_pk", _KEY, nullable=False),
        sa.ForeignKeyConstraint(["link_pk"], ["link.link_pk"], name=op.f("fk_cluster_news_link_pk")),
        sa.PrimaryKeyConstraint("news_pk", name=op.f("pk_cluster_news")),
    )
    op.create_table(
        "cluster_member",
        sa.Column("record_pk", _KEY, autoincrement=False, nullable=False),
        sa.Column("cluster", sa.BigInteger(), nullable=False),
        sa.Column("told", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["record_pk"], ["record.record_pk"], name=op.f("fk_cluster_member_record_pk")
        ),
        sa.PrimaryKeyConstraint("record_pk", name=op.f("pk_cluster_member")),
    )
    op.create_index(op.f("ix_cluster_member_cluster"), "cluster_member", ["cluster"])
    op.execute("INSERT INTO cluster_news (link_pk) SELECT link_pk FROM link WHERE state <> 'erased'")


def downgrade() -> None:
    op.drop_table("cluster_member")
    op.drop_table("cluster_news")
