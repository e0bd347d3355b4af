"""Signed registry entries: every revision of every agency, never changed and never deleted."""

from __future__ import annotations

from sqlalchemy import func, insert, select
from sqlalchemy.exc import IntegrityError

from passerelle.errors import PasserelleError
from passerelle.registry_entry import PAYLOAD_TYPE
from passerelle.sign import Signature, Signed
from passerelle.store import Database
from passerelle_pki.store.schema import ENTRY


class EntryStore:
    """The entries of one registry."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, agency: str, revision: int, signed: Signed) -> None:
        """Keep a signed entry, durably.

        Raises:
            PasserelleError: `registry_entry_invalid`, the revision exists.
        """
        row = {
            "agency": agency,
            "revision": revision,
            "payload": signed.payload,
            "key_id": signed.signature.key_id,
            "ed25519": signed.signature.ed25519,
            "ml_dsa_65": signed.signature.ml_dsa_65,
        }
        try:
            with self._database.write() as connection:
                connection.execute(insert(ENTRY), row)
        except IntegrityError as error:
            raise PasserelleError(
                "registry_entry_invalid", f"{agency}: revision {revision} exists"
            ) from error

    def current(self) -> tuple[Signed, ...]:
        """The latest entry of each agency, by name."""
        newest = select(ENTRY.c.agency, func.max(ENTRY.c.revision).label("revision")).group_by(ENTRY.c.agency)
        latest = newest.subquery()
        same = (ENTRY.c.agency == latest.c.agency) & (ENTRY.c.revision == latest.c.revision)
        statement = select(ENTRY).join(latest, same).order_by(ENTRY.c.agency)
        with self._database.read() as connection:
            return tuple(
                Signed(PAYLOAD_TYPE, row.payload, Signature(row.key_id, row.ed25519, row.ml_dsa_65))
                for row in connection.execute(statement)
            )
