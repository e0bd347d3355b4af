"""On PostgreSQL the token index is one table again, with one hash index.

Revision: 0023, after 0022. To find the partition of each row that comes, and of each mark that is looked up,
cost as much as the look-up itself. SQLite has no partitions.
"""

from __future__ import annotations

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

PARTITIONS = 8
_COLUMNS = "(mark uuid NOT NULL, record_pk bigint NOT NULL, kind smallint NOT NULL)"


def upgrade() -> None:
    if op.get_context().dialect.name == "postgresql":
        op.rename_table("token", "token_before")
        op.execute(f"CREATE TABLE token {_COLUMNS}")
        _move()


def downgrade() -> None:
    if op.get_context().dialect.name == "postgresql":
        op.rename_table("token", "token_before")
        op.execute(f"CREATE TABLE token {_COLUMNS} PARTITION BY HASH (mark)")
        for part in range(PARTITIONS):
            op.execute(
                f"CREATE TABLE token_{part} PARTITION OF token"
                f" FOR VALUES WITH (MODULUS {PARTITIONS}, REMAINDER {part})"
            )
        _move()


def _move() -> None:
    """The rows first: building an index at once costs a fraction of adding to it row by row."""
    op.execute("INSERT INTO token (mark, record_pk, kind) SELECT mark, record_pk, kind FROM token_before")
    op.drop_table("token_before")  # with the index, whose name is wanted again
    op.execute("CREATE INDEX ix_token_mark ON token USING hash (mark)")
