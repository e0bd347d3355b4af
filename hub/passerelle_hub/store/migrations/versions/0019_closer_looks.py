"""Closer looks at pairs.

Revision: 0019, after 0018. Adds a table; nothing else changes.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "closer_look",
        sa.Column("low", _KEY, autoincrement=False, nullable=False),
        sa.Column("high", _KEY, autoincrement=False, nullable=False),
        sa.Column("nonce", sa.LargeBinary(length=16), nullable=False),
        sa.Column("low_revision", sa.Integer(), nullable=False),
        sa.Column("high_revision", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("expires", sa.BigInteger(), nullable=False),
        sa.Column("low_answer", sa.LargeBinary(), nullable=False),
        sa.Column("high_answer", sa.LargeBinary(), nullable=False),
        sa.Column("levels", sa.Text(), nullable=False),
        sa.Column("decision", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("low", "high", name=op.f("pk_closer_look")),
        sa.UniqueConstraint("nonce", name=op.f("uq_closer_look_nonce")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_closer_look_state_expires"), "closer_look", ["state", "expires"])


def downgrade() -> None:
    op.drop_table("closer_look")
