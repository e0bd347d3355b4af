"""The hub's own suspensions and barred certificates.

Revision: 0011, after 0010. Adds two tables; nothing else changes.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "suspension",
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("agency", name=op.f("pk_suspension")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "barred_certificate",
        sa.Column("trust_domain", sa.String(length=128), nullable=False),
        sa.Column("serial", sa.String(length=40), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("trust_domain", "serial", name=op.f("pk_barred_certificate")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("barred_certificate")
    op.drop_table("suspension")
