"""What a supervisor asks of a log, and what it finds."""

from __future__ import annotations

from dataclasses import dataclass

from passerelle.audit.event import Event


@dataclass(frozen=True, slots=True)
class Query:
    """Kinds (none for all), an actor (empty for all), from and until (microseconds UTC, 0 for open).

    `after` is the number of the last event found before, `purpose` why it is asked.
    """

    purpose: str
    kinds: tuple[str, ...] = ()
    actor: str = ""
    since: int = 0
    until: int = 0
    after: int = 0
    limit: int = 100


@dataclass(frozen=True, slots=True)
class Found:
    """An event and its number in the hub's database; `tick` is -1 before a tick holds it."""

    number: int
    tick: int
    event: Event
