"""What a closed token epoch leaves in the index goes, a portion at a time.

Records whose agencies never went over keep their place, their sections and their links; their marks can match
nothing any more, and whoever got hold of the old keys could test guesses against them.

(1) of the records in closed epochs, by key, the next portion: active, matched, with marks;
(2) what is left of each is vouched for by an event of its own, under the revision's subject; (3) its index
rows and its copy of them are removed, in the same transaction;
(4) after the last one nothing is looked for during `PAUSE`: a closed epoch gets no new records.

A crash leaves whole portions. A record that its agency brings into a later epoch is a new revision, with
marks of that epoch. Where a hub is restored from before a portion, the next walk removes it again.
"""

from __future__ import annotations

from typing import Final

from passerelle.clock import HOUR, Clock
from passerelle_hub.audit import Audit, EventKind, Note
from passerelle_hub.index import split
from passerelle_hub.logbook import vouch
from passerelle_hub.store import Database, epochs, marks

ACTOR: Final = "hub/epochs"
PORTION: Final = 500
PORTION_SECONDS: Final = 10.0
PAUSE: Final = HOUR


class ClosedEpochs:
    """Removes index rows. Blocking; called on a write thread of the hub, by the leader."""

    def __init__(self, database: Database, audit: Audit, clock: Clock) -> None:
        self._database = database
        self._audit = audit
        self._clock = clock
        self._after = 0
        self._next = 0

    def sweep(self, portion: int = PORTION) -> int:
        """One portion; returns of how many records."""
        now = self._clock.now()
        if not self._after and now < self._next:
            return 0
        with self._database.write() as tx:
            found = epochs.left_behind(tx, self._after, portion)  # (1)
            notes = [
                Note(
                    EventKind.RECORD_UNINDEXED,
                    {"agency": one.row.agency, "record": one.row.record_id.hex(), "epoch": one.row.epoch},
                    vouch.unindexed(one.salt, one.row),
                )
                for one in found
            ]
            self._audit.append_many(tx, ACTOR, notes)  # (2)
            gone = [(mark, one.record_pk) for one in found for mark in split(one.marks)]
            marks.remove(tx, gone)  # (3)
            epochs.forget_marks(tx, [one.record_pk for one in found])
        self._after = found[-1].record_pk if len(found) == portion else 0
        if not self._after:
            self._next = now + PAUSE  # (4)
        return len(found)
