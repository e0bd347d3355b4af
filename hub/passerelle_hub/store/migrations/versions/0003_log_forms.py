"""The log in its open forms: events vouch for subjects, checkpoints are signed notes.

Revision: 0003, after 0002. Events of 0002 have another commitment and vouch for nothing, and checkpoints had
another form: the tree goes on from its leaves, old checkpoints are dropped and signed anew at the next job,
and `audit verify` reports events and rows written before as what they are, not vouched for.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    postgresql = op.get_bind().dialect.name == "postgresql"
    nothing = sa.text("''::bytea" if postgresql else "x''")  # a column that may not be empty, in old rows
    text = sa.Column("subject", sa.String(160), nullable=False, server_default=sa.text("''"))
    op.add_column("audit_event", text)
    for name in ("vouched", "erased"):
        op.add_column(
            "audit_event", sa.Column(name, sa.LargeBinary(32), nullable=False, server_default=nothing)
        )
    op.create_index(
        "ix_audit_event_subject",
        "audit_event",
        ["subject"],
        sqlite_where=sa.text("subject != ''"),
        postgresql_where=sa.text("subject != ''"),
    )
    op.drop_table("checkpoint")
    op.create_table(
        "checkpoint",
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.LargeBinary(), nullable=False),
        sa.Column("offered", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("size", name=op.f("pk_checkpoint")),
    )


def downgrade() -> None:
    op.drop_table("checkpoint")
    op.create_table(
        "checkpoint",
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("signed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("size", name=op.f("pk_checkpoint")),
    )
    op.drop_index("ix_audit_event_subject", "audit_event")
    for name in ("erased", "vouched", "subject"):
        op.drop_column("audit_event", name)
