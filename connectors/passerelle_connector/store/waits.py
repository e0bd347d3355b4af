"""Why parts of the connector wait; kept so that `status`, another process, can tell."""

from __future__ import annotations

from sqlalchemy import delete, select
from sqlalchemy.dialects.sqlite import insert as upsert

from passerelle_connector.model import Wait
from passerelle_connector.store.database import Database
from passerelle_connector.store.tables import waits


class WaitStore:
    """One row per part that waits; the time stays that of the first failure with the same code."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def note(self, wait: Wait) -> None:
        """A part waits, for this reason."""
        values = {"code": wait.code, "since": wait.since}
        statement = upsert(waits).values(part=wait.part, **values)
        with self._database.write() as transaction:
            transaction.execute(
                statement.on_conflict_do_update(
                    index_elements=["part"], set_=values, where=waits.c.code != wait.code
                )
            )

    def clear(self, part: str) -> None:
        """The part goes on."""
        with self._database.write() as transaction:
            transaction.execute(delete(waits).where(waits.c.part == part))

    def all(self) -> tuple[Wait, ...]:
        """What waits, by part."""
        with self._database.read() as transaction:
            found = transaction.execute(select(waits).order_by(waits.c.part))
            return tuple(Wait(row.part, row.code, row.since) for row in found)
