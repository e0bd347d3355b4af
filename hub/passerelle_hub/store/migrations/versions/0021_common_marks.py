"""Marks that settlement found too common, so that agencies are told.

Revision: 0021, after 0020. Marks that were too common before are noted when they are met again.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    mark = sa.Uuid() if op.get_bind().dialect.name == "postgresql" else sa.LargeBinary(length=16)
    op.create_table(
        "common_mark",
        sa.Column("mark", mark, nullable=False),
        sa.PrimaryKeyConstraint("mark", name=op.f("pk_common_mark")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("common_mark")
