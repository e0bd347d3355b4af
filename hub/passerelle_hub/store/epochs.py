"""Store of token epochs: what the operator decided, and how many records stand in each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import delete, func, insert, select, update

from passerelle.audit.rows import RecordRow
from passerelle_hub.store.database import Transaction
from passerelle_hub.store.dialect import among
from passerelle_hub.store.tables import batch, header, record, section_wrap
from passerelle_hub.store.tables_epochs import token_epoch


class StoredEpoch(NamedTuple):
    """What was decided of an epoch."""

    domain: str
    epoch: int
    state: str


class LeftBehind(NamedTuple):
    """A record in a closed epoch: what will be left of its row, its marks, and the salt of its leaf."""

    record_pk: int
    row: RecordRow
    marks: bytes
    salt: bytes


def every(tx: Transaction) -> tuple[StoredEpoch, ...]:
    """All that were decided."""
    rows = tx.execute(select(token_epoch.c.domain, token_epoch.c.epoch, token_epoch.c.state))
    return tuple(StoredEpoch._make(row) for row in rows)


def put(tx: Transaction, domain: str, epoch: int, state: str, since: int, actor: str) -> None:
    """Replace what was decided of an epoch."""
    tx.execute(delete(token_epoch).where(token_epoch.c.domain == domain, token_epoch.c.epoch == epoch))
    row = {"domain": domain, "epoch": epoch, "state": state, "since": since, "actor": actor}
    tx.execute(insert(token_epoch).values(**row))


def held(tx: Transaction) -> dict[tuple[str, int], dict[str, int]]:
    """How many active records each agency has, by domain and epoch."""
    query = (
        select(record.c.domain, record.c.epoch, record.c.agency, func.count().label("held"))
        .where(record.c.state == "active")
        .group_by(record.c.domain, record.c.epoch, record.c.agency)
    )
    found: dict[tuple[str, int], dict[str, int]] = {}
    for row in tx.execute(query):
        found.setdefault((row.domain, row.epoch), {})[row.agency] = row.held
    return found


def left_behind(tx: Transaction, after: int, limit: int) -> tuple[LeftBehind, ...]:
    """Active, matched records with marks in closed epochs, by key, locked; without those that others hold."""
    query = (
        select(*record.c, header.c.salt)
        .join(
            token_epoch, (token_epoch.c.domain == record.c.domain) & (token_epoch.c.epoch == record.c.epoch)
        )
        .join(header, (header.c.record_pk == record.c.record_pk) & (header.c.revision == record.c.revision))
        .join(batch, batch.c.batch_pk == record.c.batch_pk)
        .where(token_epoch.c.state == "closed", batch.c.state == "matched", record.c.state == "active")
        .where(record.c.marks != b"", record.c.record_pk > after)
        .order_by(record.c.record_pk)
        .limit(limit)
        .with_for_update(of=record, skip_locked=True)
    )
    rows = tx.execute(query).all()
    wraps = _wraps(tx, [row.record_pk for row in rows])
    return tuple(
        LeftBehind(
            row.record_pk,
            RecordRow(
                agency=row.agency,
                record_id=bytes(row.record_id),
                revision=row.revision,
                state=row.state,
                entity=row.entity,
                domain=row.domain,
                epoch=row.epoch,
                marking=bytes(row.marking),
                kinds=bytes(row.kinds),
                expiry=row.expiry,
                embargoed=row.embargoed,
                entries=(),
                wraps=tuple(wraps[row.record_pk, row.revision]),
            ),
            bytes(row.marks),
            bytes(row.salt),
        )
        for row in rows
    )


def _wraps(tx: Transaction, keys: Sequence[int]) -> dict[tuple[int, int], list[tuple[str, str, bytes]]]:
    found: defaultdict[tuple[int, int], list[tuple[str, str, bytes]]] = defaultdict(list)
    if keys:
        for row in tx.execute(select(section_wrap).where(among(tx, section_wrap.c.record_pk, keys))):
            wrap = (row.name, row.recipient, bytes(row.wrapped))
            found[row.record_pk, row.revision].append(wrap)
    return found


def forget_marks(tx: Transaction, keys: Sequence[int]) -> None:
    """Empty these records' copies of their marks."""
    if keys:
        tx.execute(update(record).where(among(tx, record.c.record_pk, keys)).values(marks=b""))
