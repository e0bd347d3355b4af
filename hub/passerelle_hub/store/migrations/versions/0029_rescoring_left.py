"""Batches that could not be scored anew by the active weights.

Revision: 0029, after 0028. Without a row all that `weights_change.rescored` says is done.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "rescoring_left",
        sa.Column("batch_pk", _KEY, autoincrement=False, nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("place", sa.String(length=128), nullable=False),
        sa.ForeignKeyConstraint(["batch_pk"], ["batch.batch_pk"], name=op.f("fk_rescoring_left_batch_pk")),
        sa.PrimaryKeyConstraint("batch_pk", name=op.f("pk_rescoring_left")),
    )


def downgrade() -> None:
    op.drop_table("rescoring_left")
