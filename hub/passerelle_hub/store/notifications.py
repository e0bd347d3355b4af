"""Store of notifications: per agency a sequence without gaps, kept until acknowledged.

The sequence comes from the agency's row in `counter`, locked by the update itself; a database sequence
would commit out of order and make a cursor skip rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Final, NamedTuple

from sqlalchemy import case, select, tuple_, update

from passerelle_hub.store.database import Transaction
from passerelle_hub.store.dialect import among, insert_rows, on_sqlite
from passerelle_hub.store.tables import counter, notification


class StoredNotification(NamedTuple):
    """A sealed notification as it is pushed; about a link, or (without one) about the query `about`."""

    agency: str
    sequence: int
    link_pk: int | None
    created: int
    decision: str
    key_id: bytes
    sealed: bytes
    about: bytes | None = None


_COLUMNS: Final = tuple(notification.c[name] for name in StoredNotification._fields)
_KEYS_AT_ONCE: Final = 400
_COUNT: Final = (
    "INSERT INTO counter (agency, last_notification, acknowledged) VALUES {0}"
    " ON CONFLICT (agency) DO UPDATE"
    " SET last_notification = counter.last_notification + excluded.last_notification"
    " RETURNING counter.agency, counter.last_notification"
)


def next_sequences(tx: Transaction, counts: Mapping[str, int]) -> dict[str, range]:
    """Take the next numbers of agencies, so many each, without a gap; in order of the agencies' names."""
    if not counts:
        return {}
    rows = ", ".join(["(?, ?, 0)" if on_sqlite(tx) else "(%s, %s, 0)"] * len(counts))
    given = tuple(value for one in sorted(counts.items()) for value in one)
    last = {agency: int(number) for agency, number in tx.exec_driver_sql(_COUNT.format(rows), given)}
    return {agency: range(last[agency] - count + 1, last[agency] + 1) for agency, count in counts.items()}


def put(tx: Transaction, new: Sequence[StoredNotification]) -> None:
    """Store notifications under numbers taken in the same transaction."""
    insert_rows(tx, notification, StoredNotification._fields, new)


def after(tx: Transaction, agency: str, cursor: int, limit: int) -> tuple[StoredNotification, ...]:
    """The notifications of an agency beyond a cursor, in order."""
    rows = tx.execute(
        select(*_COLUMNS)
        .where(notification.c.agency == agency, notification.c.sequence > cursor)
        .order_by(notification.c.sequence)
        .limit(limit)
    )
    return tuple(StoredNotification(*row) for row in rows)


def news(
    tx: Transaction, cursors: Mapping[str, int], limit: int
) -> dict[str, tuple[StoredNotification, ...]]:
    """For each agency with notifications beyond its cursor the next `limit` of them, in order.

    They are fetched by their numbers, some hundred at a time, since numbers have no gaps; where the oldest
    are gone all the same, as by `after`.
    """
    last = last_sequences(tx)
    due = {agency: cursor for agency, cursor in cursors.items() if last.get(agency, 0) > cursor}
    keys = iter(
        (agency, number)
        for agency, cursor in due.items()
        for number in range(cursor + 1, min(last[agency], cursor + limit) + 1)
    )
    pages: dict[str, list[StoredNotification]] = {agency: [] for agency in due}
    while some := tuple(islice(keys, _KEYS_AT_ONCE)):
        key = (notification.c.agency, notification.c.sequence)
        for row in tx.execute(select(*_COLUMNS).where(tuple_(*key).in_(some)).order_by(*key)):
            pages[row.agency].append(StoredNotification(*row))
    return {agency: tuple(page) or after(tx, agency, due[agency], limit) for agency, page in pages.items()}


def places(tx: Transaction) -> dict[str, tuple[int, int]]:
    """For each agency the last number given to it and the last one it acknowledged."""
    rows = tx.execute(select(counter.c.agency, counter.c.last_notification, counter.c.acknowledged))
    return {row.agency: (int(row.last_notification), int(row.acknowledged)) for row in rows}


def held(tx: Transaction, agencies: Iterable[str]) -> dict[str, tuple[int, int]]:
    """As `places` for some agencies, whose numbers nobody else changes until the transaction ends."""
    mine = select(counter.c.agency, counter.c.last_notification, counter.c.acknowledged).where(
        among(tx, counter.c.agency, agencies)
    )
    rows = tx.execute(mine.order_by(counter.c.agency).with_for_update())
    return {row.agency: (int(row.last_notification), int(row.acknowledged)) for row in rows}


def last_sequences(tx: Transaction) -> dict[str, int]:
    """The last number given to each agency."""
    rows = tx.execute(select(counter.c.agency, counter.c.last_notification))
    return {row.agency: int(row.last_notification) for row in rows}


def acknowledge(tx: Transaction, agency: str, sequence: int) -> bool:
    """Note that an agency has stored everything up to a number; False where it was never sent."""
    changed = tx.execute(
        update(counter)
        .where(counter.c.agency == agency, counter.c.last_notification >= sequence)
        .values(
            acknowledged=case((counter.c.acknowledged > sequence, counter.c.acknowledged), else_=sequence)
        )
    )
    return bool(changed.rowcount)


def acknowledged(tx: Transaction, agency: str) -> int:
    """The last number an agency acknowledged."""
    found = tx.execute(select(counter.c.acknowledged).where(counter.c.agency == agency)).scalar_one_or_none()
    return int(found or 0)
