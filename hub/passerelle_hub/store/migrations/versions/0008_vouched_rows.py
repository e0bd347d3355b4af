"""Rows that the log vouches for: leaves of records, manifests, the hub's mark on open events.

Revision: 0008, after 0007. Headers of before have no leaf, and nothing vouches for their records; `audit
verify` names the first of them. Events that a crash of the old release left open have no mark and are dropped
with an event that says so: stop the hub cleanly before the update.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    postgresql = op.get_bind().dialect.name == "postgresql"
    nothing = sa.text("''::bytea" if postgresql else "x''")  # a column that may not be empty, in old rows
    for table, name, length in (("audit_event", "tag", 16), ("header", "salt", 16), ("header", "body", 32)):
        op.add_column(table, sa.Column(name, sa.LargeBinary(length), nullable=False, server_default=nothing))
    op.create_table(
        "key_manifest",
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("signed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("agency", "digest", name=op.f("pk_key_manifest")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("key_manifest")
    for table, name in (("header", "body"), ("header", "salt"), ("audit_event", "tag")):
        op.drop_column(table, name)
