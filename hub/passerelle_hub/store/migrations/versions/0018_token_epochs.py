"""Token epochs as the operator decides them.

Revision: 0018, after 0017. Adds a table; nothing else changes.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "token_epoch",
        sa.Column("domain", sa.String(length=64), nullable=False),
        sa.Column("epoch", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.PrimaryKeyConstraint("domain", "epoch", name=op.f("pk_token_epoch")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("token_epoch")
