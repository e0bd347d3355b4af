"""What connectors measured of chance agreements in their own records.

Revision: 0013, after 0012. Until an agency's next batch states its own, the shipped values stand.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "measured_chance",
        sa.Column("domain", sa.String(length=64), nullable=False),
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("stated", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("domain", "agency", name=op.f("pk_measured_chance")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("measured_chance")
