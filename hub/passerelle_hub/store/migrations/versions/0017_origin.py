"""The server that the hub's tables belong to.

Revision: 0017, after 0016. Adds a table; on PostgreSQL it names the server that migrates. A copy made before
this revision and restored after it is not recognised as restored.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "origin",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("system", sa.BigInteger(), nullable=False),
        sa.Column("timeline", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_origin")),
    )
    if op.get_context().dialect.name == "postgresql":
        op.execute(
            "INSERT INTO origin SELECT 1, system_identifier, ('x'"
            " || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint FROM pg_control_system()"
        )


def downgrade() -> None:
    op.drop_table("origin")
