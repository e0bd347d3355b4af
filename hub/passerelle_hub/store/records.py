"""Store of records: header, marking, sealed sections, wraps. One row per record, history of headers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import bindparam, delete, func, select, update

from passerelle.audit.rows import RecordRow
from passerelle.record import KekWrap, Section
from passerelle_hub.index import MARK_BYTES
from passerelle_hub.store import changes, population
from passerelle_hub.store.database import Transaction
from passerelle_hub.store.dialect import among, fetch, insert_rows, on_sqlite, parts
from passerelle_hub.store.tables import header, kek, last_key, record, section, section_wrap


class NewRecord(NamedTuple):
    """A record about to be stored: its row, index and wraps as the log vouches for them, and its header.

    `salt` and `body` are those of its leaf (`passerelle.audit.rows`).
    """

    row: RecordRow
    batch_pk: int
    position: int
    header: bytes
    decision: str
    salt: bytes = b""
    body: bytes = b""
    sections: tuple[Section, ...] = ()

    @property
    def values(self) -> tuple[Any, ...]:
        """In the order of the columns of its row."""
        marks = b"".join([entry[:MARK_BYTES] for entry in self.row.entries])
        return (*self.row[:_FIELDS], self.batch_pk, marks)


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
    epoch: int


_FIELDS = RecordRow._fields.index("entries")
_COLUMNS = (*RecordRow._fields[:_FIELDS], "batch_pk", "marks")
_RECORD = ("record_pk", *_COLUMNS)
_HEADER = ("record_pk", "revision", "batch_pk", "position", "header", "decision", "salt", "body")
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
    record.c.epoch,
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
    fresh = [one for one in new if one.row.record_id not in known]
    changed = [one for one in new if one.row.record_id in known]
    keys = {one.row.record_id: known[one.row.record_id][0] for one in changed}
    keys |= zip((one.row.record_id for one in fresh), _new_keys(tx, len(fresh)), strict=True)
    more = Counter((row.domain, row.agency) for row, *_ in new if row.state == "active" and not row.embargoed)
    more.subtract(_seen(tx, [keys[one.row.record_id] for one in changed]))
    insert_rows(tx, record, _RECORD, [(keys[one.row.record_id], *one.values) for one in fresh])
    if changed:
        tx.execute(
            update(record).where(record.c.record_pk == bindparam("key")),
            [
                {**dict(zip(_COLUMNS, one.values, strict=True)), "key": keys[one.row.record_id]}
                for one in changed
            ],
        )
    _put_parts(tx, new, keys)
    population.change(tx, more)
    return keys


def _put_parts(tx: Transaction, new: Sequence[NewRecord], keys: Mapping[bytes, int]) -> None:
    """Headers, sections and wraps."""
    headers: list[tuple[Any, ...]] = []
    sections: list[tuple[Any, ...]] = []
    wraps: list[tuple[Any, ...]] = []
    for row, batch_pk, position, raw, decision, salt, body, sealed in new:
        key, revision = keys[row.record_id], row.revision
        headers.append((key, revision, batch_pk, position, raw, decision, salt, body))
        sections += [(key, revision, part.name, part.ciphertext) for part in sealed]
        wraps += [(key, revision, *wrap) for wrap in row.wraps]
    insert_rows(tx, header, _HEADER, headers)
    insert_rows(tx, section, ("record_pk", "revision", "name", "ciphertext"), sections)
    insert_rows(tx, section_wrap, ("record_pk", "revision", "name", "recipient", "wrapped"), wraps)


def _new_keys(tx: Transaction, count: int) -> Sequence[int]:
    """Keys that were never given before, ascending."""
    if not count:
        return ()
    if not on_sqlite(tx):
        query = "SELECT nextval('record_record_pk_seq') FROM generate_series(1, %s)"
        return sorted(tx.exec_driver_sql(query, (count,)).scalars().all())
    mine = update(last_key).where(last_key.c.name == "record")
    last = tx.execute(mine.values(value=last_key.c.value + count).returning(last_key.c.value)).scalar_one()
    return range(last - count + 1, last + 1)


def put_keks(tx: Transaction, batch_pk: int, keks: Sequence[KekWrap]) -> None:
    """Store the key-encryption wraps of a batch."""
    rows = [(batch_pk, row.recipient, row.key_id, row.sealed) for row in keks]
    insert_rows(tx, kek, ("batch_pk", "recipient", "key_id", "sealed"), rows)


def by_key(tx: Transaction, keys: Sequence[int]) -> dict[int, StoredRecord]:
    """Records by their keys."""
    found: dict[int, StoredRecord] = {}
    for part in parts(tx, keys):
        for row in fetch(tx, select(*_STORED).where(among(tx, record.c.record_pk, part))):
            found[row[0]] = StoredRecord._make(row)
    return found


def lock(tx: Transaction, rows: Mapping[int, StoredRecord]) -> bool:
    """Lock records, by key, until the transaction ends; whether all of them are still what was read.

    In order of their keys, so that two who lock the same records cannot wait for each other. Nothing to do on
    SQLite, where one transaction writes at a time.
    """
    if on_sqlite(tx) or not rows:
        return True
    query = select(*_STORED).where(among(tx, record.c.record_pk, list(rows))).order_by(record.c.record_pk)
    locked = fetch(tx, query.with_for_update(key_share=True))
    return len(locked) == len(rows) and all(rows[row[0]] == row for row in locked)


def expired(tx: Transaction, now: int, limit: int) -> tuple[StoredRecord, ...]:
    """Active records past their expiry, at most `limit`, locked; without those that others hold."""
    rows = tx.execute(
        select(*_STORED)
        .where(record.c.expiry > 0, record.c.expiry <= now, record.c.state == "active")
        .order_by(record.c.expiry)
        .limit(limit)
        .with_for_update(key_share=True, skip_locked=True)
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
        entries=(),
        wraps=(),
    )


def erase(tx: Transaction, record_pk: int, state: str) -> None:
    """Delete what a record holds and keep its number: sections, wraps, kinds, index rows' copy."""
    changes.erased(tx, record_pk)
    gone = _seen(tx, [record_pk])
    tx.execute(delete(section).where(section.c.record_pk == record_pk))
    tx.execute(delete(section_wrap).where(section_wrap.c.record_pk == record_pk))
    tx.execute(
        update(record)
        .where(record.c.record_pk == record_pk)
        .values(state=state, kinds=b"", marks=b"", expiry=0)
    )
    population.change(tx, {held: -count for held, count in gone.items()})


def _seen(tx: Transaction, keys: Sequence[int]) -> Counter[population.Held]:
    """How many of these records the population counts; from here on nobody else changes one of them."""
    found = Counter[population.Held]()
    for part in parts(tx, sorted(keys)):
        counted = (
            among(tx, record.c.record_pk, part),
            record.c.state == "active",
            record.c.embargoed.is_(False),
        )
        query = select(record.c.domain, record.c.agency).where(*counted).order_by(record.c.record_pk)
        found.update(tuple(row) for row in tx.execute(query.with_for_update(key_share=True)))
    return found


def counts(tx: Transaction) -> dict[str, int]:
    """How many active records each agency has."""
    rows = tx.execute(
        select(record.c.agency, func.count().label("n"))
        .where(record.c.state == "active")
        .group_by(record.c.agency)
    )
    return {row.agency: int(row.n) for row in rows}
