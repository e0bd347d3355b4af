"""Store of records: header, marking, sealed sections, wraps. One row per record, history of headers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, delete, func, insert, select, update

from passerelle.record import KekWrap, Section, SectionKeyWrap
from passerelle_hub.store.database import Transaction
from passerelle_hub.store.tables import header, kek, last_key, record, section, section_wrap


@dataclass(frozen=True, slots=True)
class NewRecord:
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


@dataclass(frozen=True, slots=True)
class StoredRecord:
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


_ROW_COLUMNS = ("agency", "record_id", "revision", "batch_pk", "state", "entity", "domain", "epoch")
_BODY_COLUMNS = ("marking", "kinds", "marks", "expiry", "embargoed")
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
)


def revisions(tx: Transaction, agency: str, ids: Sequence[bytes]) -> dict[bytes, tuple[int, int]]:
    """Key and revision of those records of an agency that exist already."""
    rows = tx.execute(
        select(record.c.record_id, record.c.record_pk, record.c.revision).where(
            record.c.agency == agency, record.c.record_id.in_(ids)
        )
    )
    return {row.record_id: (row.record_pk, row.revision) for row in rows}


def put(tx: Transaction, new: Sequence[NewRecord], known: dict[bytes, tuple[int, int]]) -> dict[bytes, int]:
    """Store records and revisions of records; returns the key of each record id."""
    if not new:
        return {}
    fresh = [row for row in new if row.record_id not in known]
    if fresh:
        tx.execute(insert(record), _numbered(tx, fresh))
    if changed := [row for row in new if row.record_id in known]:
        tx.execute(
            update(record).where(record.c.record_pk == bindparam("key")),
            [{**_row(row), "key": known[row.record_id][0]} for row in changed],
        )
    keys = {row: at for row, (at, _) in revisions(tx, new[0].agency, [row.record_id for row in new]).items()}
    tx.execute(insert(header), [_header(row, keys[row.record_id]) for row in new])
    _put_sections(tx, new, keys)
    return keys


def _numbered(tx: Transaction, fresh: Sequence[NewRecord]) -> list[dict[str, object]]:
    """The rows of new records, under keys never given before; PostgreSQL's sequences do so by themselves."""
    rows = [_row(one) for one in fresh]
    if tx.dialect.name != "sqlite":
        return rows
    mine = update(last_key).where(last_key.c.name == "record")
    last = tx.execute(
        mine.values(value=last_key.c.value + len(rows)).returning(last_key.c.value)
    ).scalar_one()
    return [{**row, "record_pk": key} for key, row in enumerate(rows, last - len(rows) + 1)]


def _row(new: NewRecord) -> dict[str, object]:
    return {name: getattr(new, name) for name in (*_ROW_COLUMNS, *_BODY_COLUMNS)}


def _header(new: NewRecord, key: int) -> dict[str, object]:
    return {
        "record_pk": key,
        "revision": new.revision,
        "batch_pk": new.batch_pk,
        "position": new.position,
        "header": new.header,
        "decision": new.decision,
    }


def _put_sections(tx: Transaction, new: Sequence[NewRecord], keys: dict[bytes, int]) -> None:
    sections = [
        {
            "record_pk": keys[row.record_id],
            "revision": row.revision,
            "name": part.name,
            "ciphertext": part.ciphertext,
        }
        for row in new
        for part in row.sections
    ]
    wraps = [
        {
            "record_pk": keys[row.record_id],
            "revision": row.revision,
            "name": wrap.section,
            "recipient": wrap.recipient,
            "wrapped": wrap.wrapped,
        }
        for row in new
        for wrap in row.wraps
    ]
    if sections:
        tx.execute(insert(section), sections)
    if wraps:
        tx.execute(insert(section_wrap), wraps)


def put_keks(tx: Transaction, batch_pk: int, keks: Sequence[KekWrap]) -> None:
    """Store the key-encryption wraps of a batch."""
    if keks:
        rows = [
            {"batch_pk": batch_pk, "recipient": row.recipient, "key_id": row.key_id, "sealed": row.sealed}
            for row in keks
        ]
        tx.execute(insert(kek), rows)


def of_batch(tx: Transaction, batch_pk: int) -> tuple[StoredRecord, ...]:
    """The records whose current revision came with a batch, in order of their keys."""
    rows = tx.execute(select(*_STORED).where(record.c.batch_pk == batch_pk).order_by(record.c.record_pk))
    return tuple(StoredRecord(*row) for row in rows)


def by_key(tx: Transaction, keys: Sequence[int]) -> dict[int, StoredRecord]:
    """Records by their keys."""
    found: dict[int, StoredRecord] = {}
    for at in range(0, len(keys), 500):
        rows = tx.execute(select(*_STORED).where(record.c.record_pk.in_(keys[at : at + 500])))
        found.update((row.record_pk, StoredRecord(*row)) for row in rows)
    return found


def expired(tx: Transaction, now: int, limit: int) -> tuple[StoredRecord, ...]:
    """Active records past their expiry, at most `limit`."""
    rows = tx.execute(
        select(*_STORED)
        .where(record.c.expiry > 0, record.c.expiry <= now, record.c.state == "active")
        .order_by(record.c.expiry)
        .limit(limit)
    )
    return tuple(StoredRecord(*row) for row in rows)


def erase(tx: Transaction, record_pk: int, state: str) -> None:
    """Delete what a record holds and keep its number: sections, wraps, kinds, index rows' copy."""
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
