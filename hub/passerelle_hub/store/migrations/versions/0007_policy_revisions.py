"""Signed revisions of policy, which of them is active, and what a shadow would have decided otherwise.

Revision: 0007, after 0006. No revision is active until one is activated: a hub goes on with its folder.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "policy_revision",
        sa.Column("revision", sa.String(length=80), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("archive", sa.LargeBinary(), nullable=False),
        sa.Column("issued", sa.BigInteger(), nullable=False),
        sa.Column("first", sa.String(length=200), nullable=False),
        sa.Column("second", sa.String(length=200), nullable=False),
        sa.Column("stored", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("revision", name=op.f("pk_policy_revision")),
    )
    op.create_table(
        "policy_state",
        sa.Column("place", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.String(length=80), nullable=False),
        sa.Column("shadow", sa.String(length=80), nullable=False),
        sa.PrimaryKeyConstraint("place", name=op.f("pk_policy_state")),
    )
    op.create_table(
        "policy_change",
        sa.Column("generation", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("action", sa.String(length=16), nullable=False),
        sa.Column("revision", sa.String(length=80), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("happened", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("generation", name=op.f("pk_policy_change")),
    )
    op.create_table(
        "policy_difference",
        sa.Column("difference", sa.LargeBinary(length=32), nullable=False),
        sa.Column("active", sa.String(length=80), nullable=False),
        sa.Column("shadow", sa.String(length=80), nullable=False),
        sa.Column("package", sa.String(length=32), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("change", sa.String(length=24), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("decision", sa.String(length=32), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("latest", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("difference", name=op.f("pk_policy_difference")),
        sqlite_with_rowid=False,
    )
    op.execute("INSERT INTO policy_state (place, generation, revision, shadow) VALUES (1, 0, '', '')")


def downgrade() -> None:
    """A hub of before decides by its folder: no revision may be active when this is run."""
    for name in ("policy_difference", "policy_change", "policy_state", "policy_revision"):
        op.drop_table(name)
