"""Revoked serial numbers: written once, never taken back."""

from __future__ import annotations

from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from passerelle.errors import PasserelleError
from passerelle.store import Database
from passerelle_pki.lists import Revoked
from passerelle_pki.store.events import EventKind, event_of, write_event
from passerelle_pki.store.schema import CERTIFICATE, REVOCATION


class RevocationStore:
    """What one authority took back."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, serial: int, now: int, reason: str, actor: str) -> None:
        """Revoke a number, durably, with its line in the book.

        Raises:
            PasserelleError: `revoke_refused`, the number was never issued, or is revoked already.
        """
        number = f"{serial:x}"
        known = select(CERTIFICATE.c.serial).where(CERTIFICATE.c.serial == number)
        try:
            with self._database.write() as connection:
                if connection.execute(known).first() is None:
                    raise PasserelleError("revoke_refused", f"{number} was never issued here")
                row = {"serial": number, "at": now, "reason": reason, "actor": actor}
                connection.execute(insert(REVOCATION), row)
                said = {"serial": number, "reason": reason}
                write_event(connection, event_of(EventKind.LEAF_REVOKED, actor, now, **said))
        except IntegrityError as error:
            raise PasserelleError("revoke_refused", f"{number} is revoked already") from error

    def current(self, now: int) -> tuple[Revoked, ...]:
        """The revoked numbers whose leaf has not expired by itself, or whose end is unknown."""
        statement = select(REVOCATION, CERTIFICATE.c.not_after).outerjoin(
            CERTIFICATE, CERTIFICATE.c.serial == REVOCATION.c.serial
        )
        with self._database.read() as connection:
            return tuple(
                Revoked(int(row.serial, 16), row.at)
                for row in connection.execute(statement)
                if row.not_after is None or row.not_after > now
            )

    def serials(self) -> frozenset[int]:
        """All revoked numbers."""
        with self._database.read() as connection:
            return frozenset(int(row.serial, 16) for row in connection.execute(select(REVOCATION.c.serial)))
