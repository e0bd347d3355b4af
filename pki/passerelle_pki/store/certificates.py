"""Issued certificates: a number is reserved before anything is signed under it, and never reused."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from passerelle.certificate import PeerCertificate, Usage
from passerelle.errors import PasserelleError
from passerelle.identity import Identity
from passerelle.store import Database
from passerelle_pki.store.schema import CERTIFICATE


@dataclass(frozen=True, slots=True)
class Issued:
    """One recorded leaf; times in microseconds UTC, `fingerprint` SHA-256 of the DER leaf."""

    serial: int
    identity: Identity
    usage: Usage
    fingerprint: bytes
    not_before: int
    not_after: int


class CertificateStore:
    """The certificates of one authority."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def reserve(self, serial: int, identity: Identity, usage: Usage, now: int) -> None:
        """Take a serial number, durably.

        Raises:
            PasserelleError: `issue_interrupted`, the number was taken before.
        """
        row = {"serial": f"{serial:x}", "identity": str(identity), "usage": str(usage), "reserved": now}
        try:
            with self._database.write() as connection:
                connection.execute(insert(CERTIFICATE), row)
        except IntegrityError as error:
            raise PasserelleError("issue_interrupted", "serial number was taken before") from error

    def record(self, leaf: PeerCertificate, chain: bytes) -> None:
        """Complete the row of a reserved number, durably.

        Raises:
            PasserelleError: `issue_interrupted`, the number is not reserved, or completed before.
        """
        statement = (
            update(CERTIFICATE)
            .where(CERTIFICATE.c.serial == f"{leaf.serial:x}", CERTIFICATE.c.fingerprint.is_(None))
            .values(
                fingerprint=leaf.fingerprint,
                not_before=leaf.not_before,
                not_after=leaf.not_after,
                chain=chain,
            )
        )
        with self._database.write() as connection:
            if connection.execute(statement).rowcount != 1:
                raise PasserelleError("issue_interrupted", "serial number is not reserved")

    def issued(self) -> tuple[Issued, ...]:
        """All recorded leaves, oldest first."""
        statement = (
            select(CERTIFICATE)
            .where(CERTIFICATE.c.fingerprint.is_not(None))
            .order_by(CERTIFICATE.c.reserved, CERTIFICATE.c.serial)
        )
        with self._database.read() as connection:
            return tuple(
                Issued(
                    serial=int(row.serial, 16),
                    identity=Identity.parse(row.identity),
                    usage=Usage(row.usage),
                    fingerprint=row.fingerprint,
                    not_before=row.not_before,
                    not_after=row.not_after,
                )
                for row in connection.execute(statement)
            )
