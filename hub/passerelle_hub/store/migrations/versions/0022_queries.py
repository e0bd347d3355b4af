"""One-off queries: ids of late questions, and notifications that are about a query and no link.

Revision: 0022, after 0021. A notification's link may be absent, and then `about` names the query. Going back
drops notifications of queries.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_KEPT = "agency, sequence, link_pk, created, decision, key_id, sealed"


def upgrade() -> None:
    op.create_table(
        "query_asked",
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("query_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("asked", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("agency", "query_id", name=op.f("pk_query_asked")),
        sqlite_with_rowid=False,
    )
    if op.get_context().dialect.name == "postgresql":
        op.alter_column("notification", "link_pk", nullable=True)
        op.add_column("notification", sa.Column("about", sa.LargeBinary(length=16), nullable=True))
        return
    _rebuild(sa.Column("about", sa.LargeBinary(length=16), nullable=True), link_needed=False)


def downgrade() -> None:
    op.execute("DELETE FROM notification WHERE link_pk IS NULL")
    if op.get_context().dialect.name == "postgresql":
        op.drop_column("notification", "about")
        op.alter_column("notification", "link_pk", nullable=False)
    else:
        _rebuild(None, link_needed=True)
    op.drop_table("query_asked")


def _rebuild(further: sa.Column[bytes] | None, *, link_needed: bool) -> None:
    """SQLite cannot let a column be empty that could not before."""
    op.rename_table("notification", "notification_before")
    op.create_table(
        "notification",
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("link_pk", _KEY, nullable=not link_needed),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("decision", sa.String(length=32), nullable=False),
        sa.Column("key_id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        *([] if further is None else [further]),
        sa.ForeignKeyConstraint(["link_pk"], ["link.link_pk"], name=op.f("fk_notification_link_pk")),
        sa.PrimaryKeyConstraint("agency", "sequence", name=op.f("pk_notification")),
        sqlite_with_rowid=False,
    )
    op.execute(f"INSERT INTO notification ({_KEPT}) SELECT {_KEPT} FROM notification_before")  # noqa: S608 - constant
    op.drop_table("notification_before")
