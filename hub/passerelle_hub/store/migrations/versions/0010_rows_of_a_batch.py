"""On PostgreSQL the rows of a batch point at each other without foreign keys.

Revision: 0010, after 0009. A check for each record, header, section and wrap costs as much as the rows
themselves. One function writes them all, in one transaction, under keys that it has just taken. SQLite, where
the check costs little, keeps it; so do links, letters and notifications on both.
"""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

KEYS = (
    ("record", "batch_pk", "batch"),
    ("header", "batch_pk", "batch"),
    ("header", "record_pk", "record"),
    ("section", "record_pk", "record"),
    ("section_wrap", "record_pk", "record"),
)


def upgrade() -> None:
    if op.get_context().dialect.name == "postgresql":
        for table, column, _ in KEYS:
            op.drop_constraint(f"fk_{table}_{column}", table, type_="foreignkey")


def downgrade() -> None:
    if op.get_context().dialect.name == "postgresql":
        for table, column, other in KEYS:
            op.create_foreign_key(f"fk_{table}_{column}", table, other, [column], [column])
