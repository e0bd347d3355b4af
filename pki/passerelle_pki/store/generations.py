"""The states of issuing authorities after the first."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import delete, insert, select

from passerelle.store import Database
from passerelle_pki.store.events import EventKind, event_of, write_event
from passerelle_pki.store.schema import GENERATION

FIRST = 1
"""The one the first ceremony made, active until a line says otherwise."""


class GenerationState(StrEnum):
    """Where an issuing authority stands in a roll-over."""

    PREPARED = "prepared"
    ACTIVE = "active"
    RETIRED = "retired"
    TAINTED = "tainted"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Generation:
    """One issuing authority by its number, its state, and since when (microseconds UTC)."""

    number: int
    state: GenerationState
    changed: int


class GenerationStore:
    """The generations of one authority."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> tuple[Generation, ...]:
        """All generations by number."""
        with self._database.read() as connection:
            rows = connection.execute(select(GENERATION).order_by(GENERATION.c.number)).all()
        known = tuple(Generation(row.number, GenerationState(row.state), row.changed) for row in rows)
        if not known or known[0].number != FIRST:
            return (Generation(FIRST, GenerationState.ACTIVE, 0), *known)
        return known

    def put(self, states: dict[int, GenerationState], now: int, actor: str) -> None:
        """Set the states of some generations, durably and together with their lines in the book."""
        with self._database.write() as connection:
            for number, state in states.items():
                connection.execute(delete(GENERATION).where(GENERATION.c.number == number))
                row = {"number": number, "state": str(state), "changed": now, "actor": actor}
                connection.execute(insert(GENERATION), row)
                said = {"number": str(number), "state": str(state)}
                write_event(connection, event_of(EventKind.GENERATION_CHANGED, actor, now, **said))
