"""A batch keeps the hashes of headers that were refused, so that all of them give the root that was signed.

Revision: 0020, after 0019. For batches taken before it is empty: where one of their records was refused, the
offline verifier cannot hold the others against the signature, and says so.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("batch", sa.Column("left_out", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    op.drop_column("batch", "left_out")
