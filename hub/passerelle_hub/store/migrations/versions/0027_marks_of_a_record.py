"""A record's marks are an array of `uuid` on PostgreSQL.

Revision: 0027, after 0026. SQLite has no arrays and keeps bytes.
"""

from __future__ import annotations

from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

# No subquery may stand here: 16 bytes are 32 hexadecimal digits, and the last comma goes again.
_PARTS = r"rtrim(regexp_replace(encode(marks, 'hex'), '(.{32})', '\1,', 'g'), ',')"
_CUT = f"string_to_array({_PARTS}, ',')::uuid[]"
_PACKED = "decode(replace(array_to_string(marks, ''), '-', ''), 'hex')"


def upgrade() -> None:
    if op.get_bind().dialect.name != "sqlite":
        op.execute(f"ALTER TABLE record ALTER COLUMN marks TYPE uuid[] USING {_CUT}")


def downgrade() -> None:
    if op.get_bind().dialect.name != "sqlite":
        op.execute(f"ALTER TABLE record ALTER COLUMN marks TYPE bytea USING {_PACKED}")
