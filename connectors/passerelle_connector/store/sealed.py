"""Sealed records of the outbox: between their rows in four tables and the domain.

Every function runs inside a transaction of the caller.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import astuple
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, Select, delete, select

from passerelle.record import SealedRecord, Section, SectionKeyWrap
from passerelle_connector.model import OutgoingRecord, PendingRecord, SectionSalt
from passerelle_connector.store.database import Transaction
from passerelle_connector.store.tables import AnyRow, pending, salts, sections, wraps

# Plain SQL over tuples: SQLAlchemy's constructs cost ten times as much for each record.
_INSERT_ROWS: Final = (
    "INSERT INTO rows (reference, record_id, revision, digest, protocol, seen_run, state, header)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (reference) DO UPDATE SET revision = excluded.revision, digest = excluded.digest,"
    " protocol = excluded.protocol, seen_run = excluded.seen_run, state = excluded.state,"
    " header = excluded.header"
)
_INSERT_PENDING: Final = (
    "INSERT INTO pending (position, record_id, revision, protocol, header, kinds, tokens, salt)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
_INSERT_SECTIONS: Final = "INSERT INTO sections (position, ordinal, name, ciphertext) VALUES (?, ?, ?, ?)"
_INSERT_SALTS: Final = (
    "INSERT INTO salts (record_id, revision, section, key_version, salt) VALUES (?, ?, ?, ?, ?)"
)


def insert_records(transaction: Transaction, start: int, records: Sequence[OutgoingRecord]) -> None:
    """Insert records at positions from `start`."""
    placed = list(enumerate(records, start))
    sections_in = [
        (at, ordinal, section.name, section.ciphertext)
        for at, record in placed
        for ordinal, section in enumerate(record.sealed.sections)
    ]
    salts_in = [
        (record.row.record_id, record.row.revision, salt.section, salt.key_version, salt.salt)
        for record in records
        for salt in record.salts
    ]
    for statement, values in (
        (_INSERT_ROWS, [(*astuple(record.row), record.sealed.header) for record in records]),
        (_INSERT_PENDING, [_pending_values(at, record) for at, record in placed]),
        (_INSERT_SECTIONS, sections_in),
        (_INSERT_SALTS, salts_in),
    ):
        if values:
            transaction.exec_driver_sql(statement, values)


def _pending_values(
    at: int, record: OutgoingRecord
) -> tuple[int, bytes, int, str, bytes, bytes, bytes, bytes]:
    row, sealed = record.row, record.sealed
    kinds = struct.pack(f">{len(sealed.kinds)}H", *sealed.kinds)
    return (
        at, row.record_id, row.revision, row.protocol, sealed.header, kinds, sealed.tokens, sealed.salt
    )  # fmt: skip


def read_records(transaction: Transaction, query: Select[Any]) -> tuple[PendingRecord, ...]:
    """The records of a query over `pending`, with sections, wraps and salts."""
    found = transaction.execute(query).all()
    positions = [row.position for row in found]
    bodies = _grouped(
        transaction.execute(
            select(sections).where(sections.c.position.in_(positions)).order_by(sections.c.ordinal)
        ).all()
    )
    wrapped = _grouped(
        transaction.execute(
            select(wraps).where(wraps.c.position.in_(positions)).order_by(wraps.c.recipient, wraps.c.section)
        ).all()
    )
    salted = read_salts(transaction, [(row.record_id, row.revision) for row in found])
    return tuple(
        PendingRecord(
            position=row.position,
            record_id=row.record_id,
            revision=row.revision,
            sealed=SealedRecord(
                header=row.header,
                kinds=struct.unpack(f">{len(row.kinds) // 2}H", row.kinds),
                tokens=row.tokens,
                salt=row.salt,
                sections=tuple(Section(part.name, part.ciphertext) for part in bodies.get(row.position, ())),
                wraps=tuple(
                    SectionKeyWrap(wrap.recipient, wrap.section, wrap.wrapped)
                    for wrap in wrapped.get(row.position, ())
                ),
            ),
            salts=salted.get((row.record_id, row.revision), ()),
        )
        for row in found
    )


def _grouped(found: Sequence[Row[AnyRow]]) -> dict[int, list[Row[AnyRow]]]:
    groups: dict[int, list[Row[AnyRow]]] = {}
    for row in found:
        groups.setdefault(row.position, []).append(row)
    return groups


def read_salts(
    transaction: Transaction, revisions: Sequence[tuple[bytes, int]]
) -> dict[tuple[bytes, int], tuple[SectionSalt, ...]]:
    """The section salts of (record id, revision) pairs."""
    wanted = set(revisions)
    found: dict[tuple[bytes, int], tuple[SectionSalt, ...]] = {}
    query = select(salts).where(salts.c.record_id.in_({record_id for record_id, _ in wanted}))
    for row in transaction.execute(query.order_by(salts.c.section)):
        if (key := (row.record_id, row.revision)) in wanted:
            found[key] = (*found.get(key, ()), SectionSalt(row.section, row.key_version, row.salt))
    return found


def drop_records(transaction: Transaction, condition: ColumnElement[bool]) -> None:
    """Delete pending records with everything that hangs on them; salts stay."""
    mine = select(pending.c.position).where(condition)
    transaction.execute(delete(sections).where(sections.c.position.in_(mine)))
    transaction.execute(delete(wraps).where(wraps.c.position.in_(mine)))
    transaction.execute(delete(pending).where(condition))


def is_withdrawal() -> ColumnElement[bool]:
    """Of pending records: those that withdraw. A record that is put has at least one token."""
    return pending.c.kinds == b""


def wrap_values(position: int, wrap: SectionKeyWrap) -> dict[str, object]:
    """A section key's wrap as a row."""
    return {
        "position": position,
        "recipient": wrap.recipient,
        "section": wrap.section,
        "wrapped": wrap.wrapped,
    }
