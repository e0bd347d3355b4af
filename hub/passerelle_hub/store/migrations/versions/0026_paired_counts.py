"""What pairs show of a domain: how many records match, and whether families are among them.

Revision: 0026, after 0025. Counting begins with the next batch; until then the shipped assumptions stand.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "paired_count",
        sa.Column("domain", sa.String(length=64), nullable=False),
        sa.Column("records", sa.BigInteger(), nullable=False),
        sa.Column("links", sa.BigInteger(), nullable=False),
        sa.Column("alike", sa.BigInteger(), nullable=False),
        sa.Column("apart", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("domain", name=op.f("pk_paired_count")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("paired_count")
