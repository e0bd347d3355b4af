"""Store of records: header, marking, sealed sections, wraps. One row per record, history of headers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import NamedTuple

from sqlalchemy import bindparam, delete, func, select, update

from passerelle.audit.rows import RecordRow
from passerelle.record import KekWrap, Section, SectionKeyWrap
from passerelle_hub.store import changes
from passerelle_hub.store.database import Transaction
from passerelle_hub.store.dialect import among, insert_rows, on_sqlite, parts
from passerelle_hub.store.tables import header, kek, last_key, record, section, section_wrap


class NewRecord(NamedTuple):
    """A record about to be stored. `kinds` are packed uint16, `marks` packed 16-byte index rows."""

    agency: str
    record_id: bytes
    revision: int
    batch_pk: int
    position: int
    state: str
    entity: str
    domain: str
    epoch: int
    marking: bytes
    kinds: bytes
    marks: bytes
    expiry: int
    header: bytes
    decision: str
    embargoed: bool = False
    sections: tuple[Section, ...] = ()
    wraps: tuple[SectionKeyWrap, ...] = ()
    salt: bytes = b""
    body: bytes = b""


class StoredRecord(NamedTuple):
    """What matching and policy need of a record."""

    record_pk: int
    agency: str
    record_id: bytes
    state: str
    entity: str
    domain: str
    marking: bytes
    kinds: bytes
    marks: bytes
    batch_pk: int


_ROW_COLUMNS = ("agency", "record_id", "revision", "batch_pk", "state", "entity", "domain", "epoch")
_BODY_COLUMNS = ("marking", "kinds", "marks", "expiry", "embargoed")
_COLUMNS = (*_ROW_COLUMNS, *_BODY_COLUMNS)
_RECORD = ("record_pk", *_COLUMNS)
_VALUES = attrgetter(*_COLUMNS)
_HEADER_COLUMNS = ("revision", "batch_pk", "position", "header", "decision", "salt", "body")
_HEADER_VALUES = attrgetter(*_HEADER_COLUMNS)
_STORED = (
    record.c.record_pk,
    record.c.agency,
    record.c.record_id,
    record.c.state,
    record.c.entity,
    record.c.domain,
    record.c.marking,
    record.c.kinds,
    record.c.marks,
    record.c.batch_pk,
)


def revisions(tx: Transaction, agency: str, ids: Sequence[bytes]) -> dict[bytes, tuple[int, int]]:
    """Key and revision of those records of an agency that exist already."""
    rows = tx.execute(
        select(record.c.record_id, record.c.record_pk, record.c.revision).where(
            record.c.agency == agency, among(tx, record.c.record_id, ids)
        )
    )
    return {row.record_id: (row.record_pk, row.revision) for row in rows}


def put(tx: Transaction, new: Sequence[NewRecord], known: dict[bytes, tuple[int, int]]) -> dict[bytes, int]:
    """Store records and revisions of records; returns the key of each record id."""
    if not new:
        return {}
    fresh = [row for row in new if row.record_id not in known]
    changed = [row for row in new if row.record_id in known]
    keys = {row.record_id: known[row.record_id][0] for row in changed}
    keys |= dict(zip((row.record_id for row in fresh), _new_keys(tx, len(fresh)), strict=True))
    insert_rows(tx, record, _RECORD, [(keys[row.record_id], *_VALUES(row)) for row in fresh])
    if changed:
        tx.execute(
            update(record).where(record.c.record_pk == bindparam("key")),
            [
                {**dict(zip(_COLUMNS, _VALUES(row), strict=True)), "key": keys[row.record_id]}
                for row in changed
            ],
        )
    insert_rows(
        tx,
        header,
        ("record_pk", *_HEADER_COLUMNS),
        [(keys[row.record_id], *_HEADER_VALUES(row)) for row in new],
    )
    _put_sections(tx, new, keys)
    return keys


def _new_keys(tx: Transaction, count: int) -> Sequence[int]:
    """Keys that were never given before, ascending."""
    if not count:
        return ()
    if not on_sqlite(tx):
        query = "SELECT nextval('record_record_pk_seq') FROM generate_series(1, %s)"
        return sorted(tx.exec_driver_sql(query, (count,)).scalars())
    mine = update(last_key).where(last_key.c.name == "record")
    last = tx.execute(mine.values(value=last_key.c.value + count).returning(last_key.c.value)).scalar_one()
    return range(last - count + 1, last + 1)


def _put_sections(tx: Transaction, new: Sequence[NewRecord], keys: dict[bytes, int]) -> None:
    sections = [
        (keys[row.record_id], row.revision, part.name, part.ciphertext)
        for row in new
        for part in row.sections
    ]
    wraps = [
        (keys[row.record_id], row.revision, wrap.section, wrap.recipient, wrap.wrapped)
        for row in new
        for wrap in row.wraps
    ]
    insert_rows(tx, section, ("record_pk", "revision", "name", "ciphertext"), sections)
    insert_rows(tx, section_wrap, ("record_pk", "revision", "name", "recipient", "wrapped"), wraps)


def put_keks(tx: Transaction, batch_pk: int, keks: Sequence[KekWrap]) -> None:
    """Store the key-encryption wraps of a batch."""
    rows = [(batch_pk, row.recipient, row.key_id, row.sealed) for row in keks]
    insert_rows(tx, kek, ("batch_pk", "recipient", "key_id", "sealed"), rows)


def by_key(tx: Transaction, keys: Sequence[int]) -> dict[int, StoredRecord]:
    """Records by their keys."""
    found: dict[int, StoredRecord] = {}
    for part in parts(tx, keys):
        rows = tx.execute(select(*_STORED).where(among(tx, record.c.record_pk, part)))
        found.update((row.record_pk, StoredRecord._make(row)) for row in rows)
    return found


def lock(tx: Transaction, rows: Mapping[int, StoredRecord]) -> bool:
    """Lock records, by key, until the transaction ends; whether all of them are still what was read.

    In order of their keys, so that two who lock the same records cannot wait for each other. Nothing to do on
    SQLite, where one transaction writes at a time.
    """
    if on_sqlite(tx) or not rows:
        return True
    query = select(*_STORED).where(among(tx, record.c.record_pk, list(rows))).order_by(record.c.record_pk)
    locked = tx.execute(query.with_for_update(key_share=True)).all()
    return len(locked) == len(rows) and all(rows[row.record_pk] == StoredRecord._make(row) for row in locked)


def expired(tx: Transaction, now: int, limit: int) -> tuple[StoredRecord, ...]:
    """Active records past their expiry, at most `limit`."""
    rows = tx.execute(
        select(*_STORED)
        .where(record.c.expiry > 0, record.c.expiry <= now, record.c.state == "active")
        .order_by(record.c.expiry)
        .limit(limit)
    )
    return tuple(StoredRecord._make(row) for row in rows)


def remains(tx: Transaction, record_pk: int) -> RecordRow:
    """What will be left of a record once it is erased past its expiry."""
    row = tx.execute(select(record).where(record.c.record_pk == record_pk)).one()
    return RecordRow(
        agency=row.agency,
        record_id=bytes(row.record_id),
        revision=row.revision,
        state="expired",
        entity=row.entity,
        domain=row.domain,
        epoch=row.epoch,
        marking=bytes(row.marking),
        kinds=b"",
        expiry=0,
        embargoed=row.embargoed,
        index=(),
        wraps=(),
    )


def erase(tx: Transaction, record_pk: int, state: str) -> None:
    """Delete what a record holds and keep its number: sections, wraps, kinds, index rows' copy."""
    changes.erased(tx, record_pk)
    tx.execute(delete(section).where(section.c.record_pk == record_pk))
    tx.execute(delete(section_wrap).where(section_wrap.c.record_pk == record_pk))
    tx.execute(
        update(record)
        .where(record.c.record_pk == record_pk)
        .values(state=state, kinds=b"", marks=b"", expiry=0)
    )


def visible(tx: Transaction, domain: str) -> int:
    """How many active records a domain holds that are under no embargo; answered by an index alone."""
    held = select(func.count()).where(
        record.c.domain == domain, record.c.state == "active", record.c.embargoed.is_(False)
    )
    return int(tx.execute(held).scalar_one())


def section_count(tx: Transaction) -> int:
    """How many sealed sections are held."""
    return int(tx.execute(select(func.count()).select_from(section)).scalar_one())


def counts(tx: Transaction) -> dict[str, int]:
    """How many active records each agency has."""
    rows = tx.execute(
        select(record.c.agency, func.count().label("n"))
        .where(record.c.state == "active")
        .group_by(record.c.agency)
    )
    return {row.agency: int(row.n) for row in rows}
