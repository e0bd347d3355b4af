"""Signed changes of weights, as they were activated.

Revision: 0016, after 0015. Without a row the shipped table counts.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "weights_change",
        sa.Column("generation", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("revision", sa.String(length=32), nullable=False),
        sa.Column("file", sa.LargeBinary(), nullable=False),
        sa.Column("issued", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("happened", sa.BigInteger(), nullable=False),
        sa.Column("rescored", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("generation", name=op.f("pk_weights_change")),
    )


def downgrade() -> None:
    op.drop_table("weights_change")
