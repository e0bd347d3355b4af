"""Pinned key manifests, exact signed bytes by agency."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.dialects.sqlite import insert

from passerelle_connector.store.database import Database
from passerelle_connector.store.tables import pins


class PinStore:
    """One manifest an agency. A write that is lost is made again with the next proof."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, agency: str, manifest: bytes) -> None:
        """Pin a manifest in place of an older one."""
        row = insert(pins).values(agency=agency, manifest=manifest)
        with self._database.write() as transaction:
            transaction.execute(
                row.on_conflict_do_update(index_elements=["agency"], set_={"manifest": manifest})
            )

    def all(self) -> tuple[tuple[str, bytes], ...]:
        """All pins, by agency."""
        with self._database.read() as transaction:
            rows = transaction.execute(select(pins).order_by(pins.c.agency))
            return tuple((row.agency, row.manifest) for row in rows)
