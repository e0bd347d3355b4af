"""Dead letters, and record keys that are never given twice.

Revision: 0002, after 0001. Adds two tables; rows of 0001 stay as they are. What was undeliverable before
stands in the audit log alone and is not made up for. Keys go on after the highest that a record or a header
of 0001 has.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "dead_letter",
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("link_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["link_pk"], ["link.link_pk"], name=op.f("fk_dead_letter_link_pk")),
        sa.PrimaryKeyConstraint("agency", "link_pk", name=op.f("pk_dead_letter")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "last_key",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_last_key")),
    )
    op.execute(
        "INSERT INTO last_key (name, value) SELECT 'record', coalesce(max(record_pk), 0) FROM"
        " (SELECT record_pk FROM record UNION ALL SELECT record_pk FROM header) AS taken"
    )


def downgrade() -> None:
    op.drop_table("last_key")
    op.drop_table("dead_letter")
