"""What the hub's log owes us: the events of receipts, the digests of notifications, until they are proven.

Fault table
-----------
| write | lost by a crash | persisted although the caller saw a failure |
|---|---|---|
| `owe` | a receipt is found again from the batches, a notification arrives again | nothing to do |
| `settle` | proven again | nothing to do |
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.sqlite import insert

from passerelle.codec.signed import decode_signed
from passerelle.sign import Signed
from passerelle_connector.store.database import Database
from passerelle_connector.store.tables import batches, log_places, promises

RECEIPT, NOTIFICATION, MANIFEST = "receipt", "notification", "manifest"
_BATCHES = "batches"


@dataclass(frozen=True, slots=True)
class Promise:
    """Something that the log must hold by a time (microseconds UTC).

    `name` is the event's commitment in hexadecimal (a receipt) or a subject (a notification), `digest` what
    the event must vouch for (empty for a receipt), `proof` what shows that it was promised.
    """

    name: str
    kind: str
    due: int
    digest: bytes
    proof: bytes


class PromiseStore:
    """Promises that are not proven yet, and how far receipts were looked at."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def owe(self, new: Iterable[Promise], batch: int = 0) -> None:
        """Keep promises; `batch` is the last batch whose receipt was looked at."""
        with self._database.write() as transaction:
            for row in new:
                values = {name: getattr(row, name) for name in Promise.__dataclass_fields__}
                transaction.execute(insert(promises).values(**values).on_conflict_do_nothing())
            if batch:
                place = insert(log_places).values(part=_BATCHES, value=batch)
                transaction.execute(
                    place.on_conflict_do_update(index_elements=["part"], set_={"value": batch})
                )

    def receipts(self, limit: int) -> tuple[tuple[int, Signed], ...]:
        """Receipts that were not looked at yet, with their batches' numbers, oldest first."""
        with self._database.read() as transaction:
            after = transaction.scalar(select(log_places.c.value).where(log_places.c.part == _BATCHES)) or 0
            rows = transaction.execute(
                select(batches.c.number, batches.c.receipt)
                .where(batches.c.number > after)
                .order_by(batches.c.number)
                .limit(limit)
            )
            found: list[tuple[int, Signed]] = []
            for row in rows:
                if row.receipt is None:
                    break  # in order: this one is still under way
                found.append((row.number, decode_signed(row.receipt)))
            return tuple(found)

    def open(self, limit: int) -> tuple[Promise, ...]:
        """Promises that are not proven, the oldest first."""
        with self._database.read() as transaction:
            rows = transaction.execute(select(promises).order_by(promises.c.due).limit(limit))
            return tuple(Promise(row.name, row.kind, row.due, row.digest, row.proof) for row in rows)

    def settle(self, names: Sequence[str]) -> None:
        """Forget promises that were kept, or whose breach is kept as evidence."""
        with self._database.write() as transaction:
            transaction.execute(delete(promises).where(promises.c.name.in_(names)))

    def count(self) -> int:
        """How many are open."""
        with self._database.read() as transaction:
            return transaction.scalar(select(func.count()).select_from(promises)) or 0
