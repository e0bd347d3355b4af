"""PostgreSQL keeps ciphertext as it is: a row beyond 2 KB would be compressed in vain.

Revision: 0028, after 0027. Holds for rows written from now on. SQLite compresses nothing.
"""

from __future__ import annotations

from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

_COLUMNS = (("section", "ciphertext"), ("notification", "sealed"))


def upgrade() -> None:
    _store("EXTERNAL")


def downgrade() -> None:
    _store("EXTENDED")


def _store(how: str) -> None:
    if op.get_bind().dialect.name != "sqlite":
        for table, column in _COLUMNS:
            op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} SET STORAGE {how}")
