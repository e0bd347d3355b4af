"""The hub's tables. Migrations under `store/migrations` build them; a test compares the two.

Times are microseconds since the Unix epoch (UTC); ids and digests are raw bytes. No column holds an
identifier, a name, or a token as it was submitted: `token.mark` is an HMAC under the pepper.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from passerelle_hub.store.column_types import Mark, Marks

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# BigInteger keys count by themselves on PostgreSQL; SQLite does so only for INTEGER.
Key = BigInteger().with_variant(Integer, "sqlite")


agency = Table(
    "agency",
    metadata,
    Column("agency", String(64), primary_key=True),
    Column("entry", LargeBinary, nullable=False),  # the signed registry entry, exact bytes
    Column("revision", BigInteger, nullable=False),  # of the entry
    Column("added", BigInteger, nullable=False),
)

# Every manifest that the log holds, in force from its event on.
key_manifest = Table(
    "key_manifest",
    metadata,
    Column("agency", String(64), primary_key=True),
    Column("digest", LargeBinary(32), primary_key=True),  # SHA-256 of the payload
    Column("sequence", BigInteger, nullable=False),
    Column("signed", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

chain = Table(
    "chain",
    metadata,
    Column("agency", String(64), primary_key=True),
    Column("next_sequence", BigInteger, nullable=False),
    Column("previous", LargeBinary(32), nullable=False),
)

# Apart from the chain: transaction A locks its agency's chain first, transaction B counts up last.
counter = Table(
    "counter",
    metadata,
    Column("agency", String(64), primary_key=True),
    Column("last_notification", BigInteger, nullable=False),
    Column("acknowledged", BigInteger, nullable=False),
)

batch = Table(
    "batch",
    metadata,
    Column("batch_pk", Key, primary_key=True, autoincrement=True),
    Column("agency", String(64), nullable=False),
    Column("batch_id", LargeBinary(16), nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
    Column("statement", LargeBinary, nullable=False),
    Column("domain", String(64), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("state", String(16), nullable=False),  # indexed, matched, refused
    Column("received", BigInteger, nullable=False),
    Column("receipt", LargeBinary, nullable=False),
    Column("left_out", LargeBinary),  # leaf hashes of headers that were refused, 32 bytes each, by position
    UniqueConstraint("agency", "batch_id"),
    UniqueConstraint("agency", "sequence"),
    Index(None, "state", "batch_pk"),
)

record = Table(
    "record",
    metadata,
    Column("record_pk", Key, primary_key=True, autoincrement=True),
    Column("agency", String(64), nullable=False),
    Column("record_id", LargeBinary(16), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("batch_pk", Key, ForeignKey("batch.batch_pk"), nullable=False),
    Column("state", String(16), nullable=False),  # active, withdrawn, expired
    Column("entity", String(16), nullable=False),
    Column("domain", String(64), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("marking", LargeBinary, nullable=False),  # passerelle.codec.header.encode_marking
    Column("kinds", LargeBinary, nullable=False),  # distinct key kinds, uint16 big-endian each
    Column("marks", Marks, nullable=False),  # its rows of the index
    Column("expiry", BigInteger, nullable=False),
    Column("embargoed", Boolean, nullable=False),
    UniqueConstraint("agency", "record_id"),
    Index(None, "batch_pk"),
    Index(None, "expiry"),
)

# SQLite would give the key of a lost last row again, and with it the index rows and links of a dead record.
last_key = Table(
    "last_key",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("value", BigInteger, nullable=False),
)

header = Table(
    "header",
    metadata,
    Column("record_pk", Key, ForeignKey("record.record_pk"), primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("batch_pk", Key, ForeignKey("batch.batch_pk"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("header", LargeBinary, nullable=False),  # exact signed bytes
    Column("decision", String(32), nullable=False),
    Column("salt", LargeBinary(16), nullable=False),  # of the revision's leaf (passerelle.audit.rows)
    Column("body", LargeBinary(32), nullable=False),  # what the leaf holds of row, index and wraps
)

section = Table(
    "section",
    metadata,
    Column("record_pk", Key, ForeignKey("record.record_pk"), primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("ciphertext", LargeBinary, nullable=False),
)

section_wrap = Table(
    "section_wrap",
    metadata,
    Column("record_pk", Key, ForeignKey("record.record_pk"), primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("recipient", String(64), primary_key=True),
    Column("wrapped", LargeBinary, nullable=False),
)

kek = Table(
    "kek",
    metadata,
    Column("batch_pk", Key, ForeignKey("batch.batch_pk"), primary_key=True),
    Column("recipient", String(64), primary_key=True),
    Column("key_id", LargeBinary(32), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)

token = Table(
    "token",
    metadata,
    Column("mark", Mark, primary_key=True),  # no key on PostgreSQL: a hash index cannot keep one
    Column("record_pk", Key, primary_key=True),
    Column("kind", SmallInteger, nullable=False),
    sqlite_with_rowid=False,
)

link = Table(
    "link",
    metadata,
    Column("link_pk", Key, primary_key=True, autoincrement=True),
    Column("link_id", LargeBinary(16), nullable=False, unique=True),
    Column("low", Key, ForeignKey("record.record_pk"), nullable=False),
    Column("high", Key, ForeignKey("record.record_pk"), nullable=False),
    Column("relation", String(24), nullable=False),
    Column("state", String(16), nullable=False),
    Column("band", String(16), nullable=False),
    Column("bits", Float, nullable=False),
    Column("evidence", Text, nullable=False),  # JSON: [[field, level, bits], ...]
    Column("weights", String(32), nullable=False),
    Column("decision", String(32), nullable=False),
    Column("changed", BigInteger, nullable=False),
    Column("verdict", String(24), nullable=False, server_default=""),  # what people's judgements come to
    UniqueConstraint("low", "high", "relation"),
    Index(None, "high"),
)

notification = Table(
    "notification",
    metadata,
    Column("agency", String(64), primary_key=True),
    Column("sequence", BigInteger, primary_key=True),
    Column("link_pk", Key, ForeignKey("link.link_pk"), nullable=True),  # absent: about a query
    Column("created", BigInteger, nullable=False),
    Column("decision", String(32), nullable=False),
    Column("key_id", LargeBinary(32), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("about", LargeBinary(16), nullable=True),  # the query, where it is about one
    sqlite_with_rowid=False,
)

# Links that somebody should have been told of and had no key to be told with; tried again at every tick.
dead_letter = Table(
    "dead_letter",
    metadata,
    Column("agency", String(64), primary_key=True),
    Column("link_pk", Key, ForeignKey("link.link_pk"), primary_key=True),
    Column("since", BigInteger, nullable=False),
    Column("code", String(64), nullable=False),
    sqlite_with_rowid=False,
)

decision = Table(
    "decision",
    metadata,
    Column("decision", String(32), primary_key=True),
    Column("package", String(32), nullable=False),
    Column("agency", String(64), nullable=False),
    Column("allow", Boolean, nullable=False),
    Column("reasons", Text, nullable=False),  # JSON list of codes with parameters
    Column("input", Text, nullable=False),  # canonical projected input, JSON
    Column("outcome", Text, nullable=False),  # grants, obligations and redactions, JSON; empty before 0006
    Column("policy_revision", String(64), nullable=False),
    Column("data_revision", String(64), nullable=False),
    Column("decided", BigInteger, nullable=False),
    Index(None, "decided"),
)

quota_use = Table(
    "quota_use",
    metadata,
    Column("agency", String(64), primary_key=True),
    Column("resource", String(32), primary_key=True),
    Column("day", Integer, primary_key=True, autoincrement=False),  # days since the epoch, UTC
    Column("used", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
