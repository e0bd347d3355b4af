"""Lawful erasure of details: who did what goes, that it happened stays provable.

Of events older than a time, salt, actor and detail are forgotten and the inner digest is kept: the tree,
every proof and every vouched digest stay what they are (`passerelle.audit.event`). One event says up to when,
before the first is touched; without it the verifier calls a missing detail false. Checkpoints that nobody was
offered are dropped after an hour.

A page a transaction: a crash leaves the rest for the next run.
"""

from __future__ import annotations

from typing import Final

from passerelle.audit import names
from passerelle.clock import DAY, HOUR, Clock
from passerelle_hub.audit import Audit, EventKind, Vouch
from passerelle_hub.store import Database, erased_details

ACTOR: Final = "hub/log"
_PAGE: Final = 1_000


class DetailErasure:
    """Erases details. Blocking; called on a write thread of the hub, by the leader."""

    def __init__(self, database: Database, audit: Audit, clock: Clock, days: float) -> None:
        """`days` are kept; 0 keeps details for ever."""
        self._database = database
        self._audit = audit
        self._clock = clock
        self._days = days

    def run(self) -> int:
        """Erase what is older; returns of how many events."""
        now = self._clock.now()
        with self._database.write() as tx:
            erased_details.drop_checkpoints(tx, now - HOUR)
        if not self._days:
            return 0
        before = now - int(self._days * DAY)
        with self._database.write() as tx:
            if not erased_details.waiting(tx, before, 1):
                return 0
            self._audit.append(tx, EventKind.DETAILS_ERASED, ACTOR, vouch=Vouch(names.details(before)))
        count = 0
        while True:
            with self._database.write() as tx:
                page = erased_details.waiting(tx, before, _PAGE)
                erased_details.erase(tx, {key: event.inner for key, event in page})
            if not page:
                return count
            count += len(page)
