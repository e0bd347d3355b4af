"""First schema.

Revision: 0001, after .
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "agency",
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("entry", sa.LargeBinary(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("added", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("agency", name=op.f("pk_agency")),
    )
    op.create_table(
        "audit_event",
        sa.Column(
            "event_pk",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("commitment", sa.LargeBinary(length=32), nullable=False),
        sa.Column("salt", sa.LargeBinary(length=16), nullable=False),
        sa.Column("kind", sa.String(length=48), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("happened", sa.BigInteger(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("tick", sa.BigInteger(), nullable=True),
        sa.Column("position", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("event_pk", name=op.f("pk_audit_event")),
        sa.UniqueConstraint("commitment", name=op.f("uq_audit_event_commitment")),
    )
    with op.batch_alter_table("audit_event", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_audit_event_tick"), ["tick"], unique=False)

    op.create_table(
        "batch",
        sa.Column(
            "batch_pk",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("batch_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("statement", sa.LargeBinary(), nullable=False),
        sa.Column("domain", sa.String(length=64), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.Column("receipt", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("batch_pk", name=op.f("pk_batch")),
        sa.UniqueConstraint("agency", "batch_id", name=op.f("uq_batch_agency_batch_id")),
        sa.UniqueConstraint("agency", "sequence", name=op.f("uq_batch_agency_sequence")),
    )
    with op.batch_alter_table("batch", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_batch_state_batch_pk"), ["state", "batch_pk"], unique=False)

    op.create_table(
        "chain",
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("next_sequence", sa.BigInteger(), nullable=False),
        sa.Column("previous", sa.LargeBinary(length=32), nullable=False),
        sa.Column("last_notification", sa.BigInteger(), nullable=False),
        sa.Column("acknowledged", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("agency", name=op.f("pk_chain")),
    )
    op.create_table(
        "checkpoint",
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("signed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("size", name=op.f("pk_checkpoint")),
    )
    op.create_table(
        "decision",
        sa.Column("decision", sa.String(length=32), nullable=False),
        sa.Column("package", sa.String(length=32), nullable=False),
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("allow", sa.Boolean(), nullable=False),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.Column("input", sa.Text(), nullable=False),
        sa.Column("policy_revision", sa.String(length=64), nullable=False),
        sa.Column("data_revision", sa.String(length=64), nullable=False),
        sa.Column("decided", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("decision", name=op.f("pk_decision")),
    )
    op.create_table(
        "log_node",
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("level", "position", name=op.f("pk_log_node")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "log_tick",
        sa.Column("tick", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("closed", sa.BigInteger(), nullable=False),
        sa.Column("salt", sa.LargeBinary(length=32), nullable=False),
        sa.Column("root", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("tick", name=op.f("pk_log_tick")),
    )
    op.create_table(
        "quota_use",
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("resource", sa.String(length=32), nullable=False),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("agency", "resource", "day", name=op.f("pk_quota_use")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "token",
        sa.Column("mark", sa.LargeBinary(length=16), nullable=False),
        sa.Column("record_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("mark", "record_pk", name=op.f("pk_token")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "kek",
        sa.Column("batch_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("recipient", sa.String(length=64), nullable=False),
        sa.Column("key_id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["batch_pk"], ["batch.batch_pk"], name=op.f("fk_kek_batch_pk")),
        sa.PrimaryKeyConstraint("batch_pk", "recipient", name=op.f("pk_kek")),
    )
    op.create_table(
        "record",
        sa.Column(
            "record_pk",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("record_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("batch_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("entity", sa.String(length=16), nullable=False),
        sa.Column("domain", sa.String(length=64), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("marking", sa.LargeBinary(), nullable=False),
        sa.Column("kinds", sa.LargeBinary(), nullable=False),
        sa.Column("marks", sa.LargeBinary(), nullable=False),
        sa.Column("expiry", sa.BigInteger(), nullable=False),
        sa.Column("embargoed", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["batch_pk"], ["batch.batch_pk"], name=op.f("fk_record_batch_pk")),
        sa.PrimaryKeyConstraint("record_pk", name=op.f("pk_record")),
        sa.UniqueConstraint("agency", "record_id", name=op.f("uq_record_agency_record_id")),
    )
    with op.batch_alter_table("record", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_record_batch_pk"), ["batch_pk"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_record_domain_state_embargoed"), ["domain", "state", "embargoed"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_record_expiry"), ["expiry"], unique=False)

    op.create_table(
        "header",
        sa.Column("record_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("batch_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("header", sa.LargeBinary(), nullable=False),
        sa.Column("decision", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["batch_pk"], ["batch.batch_pk"], name=op.f("fk_header_batch_pk")),
        sa.ForeignKeyConstraint(["record_pk"], ["record.record_pk"], name=op.f("fk_header_record_pk")),
        sa.PrimaryKeyConstraint("record_pk", "revision", name=op.f("pk_header")),
    )
    op.create_table(
        "link",
        sa.Column(
            "link_pk",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("link_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("low", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("high", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("relation", sa.String(length=24), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("band", sa.String(length=16), nullable=False),
        sa.Column("bits", sa.Float(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("weights", sa.String(length=32), nullable=False),
        sa.Column("decision", sa.String(length=32), nullable=False),
        sa.Column("changed", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["high"], ["record.record_pk"], name=op.f("fk_link_high")),
        sa.ForeignKeyConstraint(["low"], ["record.record_pk"], name=op.f("fk_link_low")),
        sa.PrimaryKeyConstraint("link_pk", name=op.f("pk_link")),
        sa.UniqueConstraint("link_id", name=op.f("uq_link_link_id")),
        sa.UniqueConstraint("low", "high", "relation", name=op.f("uq_link_low_high_relation")),
    )
    with op.batch_alter_table("link", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_link_high"), ["high"], unique=False)

    op.create_table(
        "section",
        sa.Column("record_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("ciphertext", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["record_pk"], ["record.record_pk"], name=op.f("fk_section_record_pk")),
        sa.PrimaryKeyConstraint("record_pk", "revision", "name", name=op.f("pk_section")),
    )
    op.create_table(
        "section_wrap",
        sa.Column("record_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("recipient", sa.String(length=64), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["record_pk"], ["record.record_pk"], name=op.f("fk_section_wrap_record_pk")),
        sa.PrimaryKeyConstraint("record_pk", "revision", "name", "recipient", name=op.f("pk_section_wrap")),
    )
    op.create_table(
        "notification",
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("link_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("decision", sa.String(length=32), nullable=False),
        sa.Column("key_id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["link_pk"], ["link.link_pk"], name=op.f("fk_notification_link_pk")),
        sa.PrimaryKeyConstraint("agency", "sequence", name=op.f("pk_notification")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("notification")
    op.drop_table("section_wrap")
    op.drop_table("section")
    with op.batch_alter_table("link", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_link_high"))

    op.drop_table("link")
    op.drop_table("header")
    with op.batch_alter_table("record", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_record_expiry"))
        batch_op.drop_index(batch_op.f("ix_record_batch_pk"))

    op.drop_table("record")
    op.drop_table("kek")
    op.drop_table("token")
    op.drop_table("quota_use")
    op.drop_table("log_tick")
    op.drop_table("log_node")
    op.drop_table("decision")
    op.drop_table("checkpoint")
    op.drop_table("chain")
    with op.batch_alter_table("batch", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_batch_state_batch_pk"))

    op.drop_table("batch")
    with op.batch_alter_table("audit_event", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_audit_event_tick"))

    op.drop_table("audit_event")
    op.drop_table("agency")
