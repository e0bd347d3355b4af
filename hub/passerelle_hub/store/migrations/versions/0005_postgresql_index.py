"""The token index as PostgreSQL is fast at it, and counters of notifications apart from the chain.

Revision: 0005, after 0004. On PostgreSQL the marks become `uuid` in a table that is partitioned by their
hash, with a hash index on each partition; on SQLite the index stays as it is. The numbers of notifications
move from `chain` to `counter` on both.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

PARTITIONS = 8


def upgrade() -> None:
    op.create_table(
        "counter",
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("last_notification", sa.BigInteger(), nullable=False),
        sa.Column("acknowledged", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("agency", name=op.f("pk_counter")),
    )
    op.execute(
        "INSERT INTO counter (agency, last_notification, acknowledged)"
        " SELECT agency, last_notification, acknowledged FROM chain"
    )
    with op.batch_alter_table("chain") as chain:
        chain.drop_column("last_notification")
        chain.drop_column("acknowledged")
    if op.get_context().dialect.name == "postgresql":
        _partition()


def _partition() -> None:
    op.rename_table("token", "token_before")
    op.execute(
        "CREATE TABLE token (mark uuid NOT NULL, record_pk bigint NOT NULL, kind smallint NOT NULL)"
        " PARTITION BY HASH (mark)"
    )
    for part in range(PARTITIONS):
        op.execute(
            f"CREATE TABLE token_{part} PARTITION OF token"
            f" FOR VALUES WITH (MODULUS {PARTITIONS}, REMAINDER {part})"
        )
    op.execute(
        "INSERT INTO token (mark, record_pk, kind)"
        " SELECT encode(mark, 'hex')::uuid, record_pk, kind FROM token_before"
    )
    op.execute("CREATE INDEX ix_token_mark ON token USING hash (mark)")
    op.drop_table("token_before")


def downgrade() -> None:
    """What has a counter and no chain yet gets the chain that everybody begins with."""
    with op.batch_alter_table("chain") as chain:
        for name in ("last_notification", "acknowledged"):
            chain.add_column(sa.Column(name, sa.BigInteger(), nullable=False, server_default="0"))
    genesis = "decode(repeat('00', 32), 'hex')"
    if op.get_context().dialect.name == "sqlite":
        genesis = "zeroblob(32)"
    rest = "FROM counter WHERE agency NOT IN (SELECT agency FROM chain)"
    op.execute(f"INSERT INTO chain (agency, next_sequence, previous) SELECT agency, 1, {genesis} {rest}")
    for name in ("last_notification", "acknowledged"):
        taken = f"SELECT {name} FROM counter WHERE counter.agency = chain.agency"  # noqa: S608 - one of two constants
        op.execute(f"UPDATE chain SET {name} = coalesce(({taken}), 0)")  # noqa: S608 - as above
    with op.batch_alter_table("chain") as chain:
        for name in ("last_notification", "acknowledged"):
            chain.alter_column(name, server_default=None)
    op.drop_table("counter")
    if op.get_context().dialect.name == "postgresql":
        _gather()


def _gather() -> None:
    op.execute("ALTER TABLE token RENAME TO token_parts")
    op.create_table(
        "token",
        sa.Column("mark", sa.LargeBinary(length=16), nullable=False),
        sa.Column("record_pk", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("mark", "record_pk", name=op.f("pk_token")),
    )
    op.execute(
        "INSERT INTO token (mark, record_pk, kind) SELECT uuid_send(mark), record_pk, kind FROM token_parts"
    )
    op.execute("DROP TABLE token_parts")
