"""Enrolments: a code given out, used at most once, decided at most once.

Codes and tickets are stored as digests only. Every change is one transaction that names the state it starts
from and writes the line of the book that tells of it, so that of two who use a code, or decide, at the same
moment one is refused, and nothing is done unsaid.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, insert, select, update

from passerelle.errors import PasserelleError
from passerelle.identity import Identity
from passerelle.store import Database
from passerelle_pki.store.events import Event, write_event
from passerelle_pki.store.schema import ENROLMENT


class EnrolmentState(StrEnum):
    """How far an enrolment is."""

    OPEN = "open"
    REQUESTED = "requested"
    APPROVED = "approved"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Enrolment:
    """One row; times in microseconds UTC, empty bytes for what is not there yet."""

    number: int
    identity: Identity
    name: str
    made_by: str
    made: int
    until: int
    state: EnrolmentState
    decided_by: str
    request: bytes
    manifest: bytes
    digest: bytes
    chain: bytes


@dataclass(frozen=True, slots=True)
class Asked:
    """What a newcomer asked: certificate request (PEM), signed manifest, the digest of both."""

    request: bytes
    manifest: bytes
    digest: bytes


class EnrolmentStore:
    """The enrolments of one authority."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, identity: Identity, name: str, code: bytes, until: int, event: Event) -> int:
        """Keep a fresh code (its digest), durably; returns the number of the enrolment."""
        row = {
            "agency": identity.agency,
            "identity": str(identity),
            "name": name,
            "code": code,
            "made_by": event.actor,
            "made": event.at,
            "until": until,
            "state": str(EnrolmentState.OPEN),
            "changed": event.at,
        }
        with self._database.write() as connection:
            added = connection.execute(insert(ENROLMENT).values(**row)).inserted_primary_key
            write_event(connection, event)
        return int(added[0]) if added else 0

    def by_code(self, code: bytes) -> Enrolment | None:
        """The enrolment of a code's digest."""
        return self._one(ENROLMENT.c.code == code)

    def by_ticket(self, ticket: bytes) -> Enrolment | None:
        """The enrolment of a ticket's digest."""
        return self._one(ENROLMENT.c.ticket == ticket)

    def waiting(self, agency: str) -> tuple[Enrolment, ...]:
        """Requests of an agency that nobody has decided, or that wait for a chain."""
        undecided = (ENROLMENT.c.state == str(EnrolmentState.REQUESTED)) | (
            (ENROLMENT.c.state == str(EnrolmentState.APPROVED)) & ENROLMENT.c.chain.is_(None)
        )
        return self._many((ENROLMENT.c.agency == agency) & undecided)

    def all(self) -> tuple[Enrolment, ...]:
        """All enrolments, oldest first."""
        return self._many(ENROLMENT.c.number > 0)

    def take(self, number: int, asked: Asked, ticket: bytes, event: Event) -> None:
        """Use a code up, durably; the same request again gets the new ticket.

        Raises:
            PasserelleError: `enrolment_code_used`.
        """
        fresh = ENROLMENT.c.state == str(EnrolmentState.OPEN)
        again = (ENROLMENT.c.state == str(EnrolmentState.REQUESTED)) & (ENROLMENT.c.digest == asked.digest)
        values: dict[str, Any] = {
            "state": str(EnrolmentState.REQUESTED),
            "changed": event.at,
            "ticket": ticket,
            "request": asked.request,
            "manifest": asked.manifest,
            "digest": asked.digest,
        }
        if not self._change((ENROLMENT.c.number == number) & (fresh | again), values, event):
            raise PasserelleError("enrolment_code_used", f"enrolment {number}")

    def decide(self, number: int, state: EnrolmentState, event: Event) -> None:
        """Approve or reject a request, durably.

        Raises:
            PasserelleError: `enrolment_decided`.
        """
        waits = (ENROLMENT.c.number == number) & (ENROLMENT.c.state == str(EnrolmentState.REQUESTED))
        values = {"state": str(state), "changed": event.at, "decided_by": event.actor}
        if not self._change(waits, values, event):
            raise PasserelleError("enrolment_decided", f"enrolment {number}")

    def complete(self, number: int, chain: bytes, event: Event) -> None:
        """Add the chain of an approved enrolment, durably."""
        self._change(ENROLMENT.c.number == number, {"chain": chain, "changed": event.at}, event)

    def _change(self, where: Any, values: dict[str, Any], event: Event) -> bool:
        with self._database.write() as connection:
            changed = connection.execute(update(ENROLMENT).where(where).values(**values)).rowcount == 1
            if changed:
                write_event(connection, event)
        return changed

    def _one(self, where: Any) -> Enrolment | None:
        with self._database.read() as connection:
            row = connection.execute(select(ENROLMENT).where(where)).first()
        return _enrolment(row) if row else None

    def _many(self, where: Any) -> tuple[Enrolment, ...]:
        with self._database.read() as connection:
            rows = connection.execute(select(ENROLMENT).where(where).order_by(ENROLMENT.c.number))
            return tuple(_enrolment(row) for row in rows)


def _enrolment(row: Row[Any]) -> Enrolment:
    return Enrolment(
        number=row.number,
        identity=Identity.parse(row.identity),
        name=row.name,
        made_by=row.made_by,
        made=row.made,
        until=row.until,
        state=EnrolmentState(row.state),
        decided_by=row.decided_by or "",
        request=row.request or b"",
        manifest=row.manifest or b"",
        digest=row.digest or b"",
        chain=row.chain or b"",
    )
