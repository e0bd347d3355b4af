"""The population is counted as records come and go, and the index that it was counted from is gone.

Revision: 0024, after 0023.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_INDEX = "ix_record_domain_state_embargoed"


def upgrade() -> None:
    op.create_table(
        "population",
        sa.Column("domain", sa.String(length=64), nullable=False),
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("visible", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("domain", "agency", name=op.f("pk_population")),
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO population (domain, agency, visible) SELECT domain, agency, count(*) FROM record"
        " WHERE state = 'active' AND NOT embargoed GROUP BY domain, agency"
    )
    op.drop_index(_INDEX, table_name="record")


def downgrade() -> None:
    op.create_index(_INDEX, "record", ["domain", "state", "embargoed"])
    op.drop_table("population")
