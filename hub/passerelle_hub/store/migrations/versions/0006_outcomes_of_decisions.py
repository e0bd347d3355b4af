"""What a decision allowed, beside the reasons it denied for; and an order in time to read decisions in.

Revision: 0006, after 0005. Decisions of before keep an empty outcome: what they obliged to was not stored.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("decision", sa.Column("outcome", sa.Text(), nullable=False, server_default=""))
    with op.batch_alter_table("decision") as table:
        table.alter_column("outcome", server_default=None)
        table.create_index(op.f("ix_decision_decided"), ["decided"])


def downgrade() -> None:
    with op.batch_alter_table("decision") as table:
        table.drop_index(op.f("ix_decision_decided"))
        table.drop_column("outcome")
