"""Judgements of links, and what they come to beside the link's state.

Revision: 0025, after 0024. Going back drops what people judged; links keep the states that came of it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("link", sa.Column("verdict", sa.String(length=24), nullable=False, server_default=""))
    op.create_table(
        "judgement",
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("judgement_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("link_pk", _KEY, nullable=False),
        sa.Column("verdict", sa.String(length=24), nullable=False),
        sa.Column("fields", sa.Text(), nullable=False),
        sa.Column("decision", sa.String(length=32), nullable=False),
        sa.Column("recorded", sa.BigInteger(), nullable=False),
        sa.Column("signed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["link_pk"], ["link.link_pk"], name=op.f("fk_judgement_link_pk")),
        sa.PrimaryKeyConstraint("agency", "judgement_id", name=op.f("pk_judgement")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_judgement_link_pk"), "judgement", ["link_pk"])


def downgrade() -> None:
    op.drop_table("judgement")
    op.drop_column("link", "verdict")
