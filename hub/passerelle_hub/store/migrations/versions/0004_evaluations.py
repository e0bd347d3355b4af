"""Trustees' reports of evaluations.

Revision: 0004, after 0003. Adds two tables; nothing else changes.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "evaluation_report",
        sa.Column("trustee", sa.String(length=64), nullable=False),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("made", sa.BigInteger(), nullable=False),
        sa.Column("signed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("trustee", "day", name=op.f("pk_evaluation_report")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "evaluation_count",
        sa.Column("trustee", sa.String(length=64), nullable=False),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("group", sa.String(length=32), nullable=False),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        sa.Column("elements", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("trustee", "day", "agency", "group", name=op.f("pk_evaluation_count")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("evaluation_count")
    op.drop_table("evaluation_report")
