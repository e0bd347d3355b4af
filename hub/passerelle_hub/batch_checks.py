"""What `doctor` says of batches that a hub accepted and did not match yet."""

from __future__ import annotations

from contextlib import closing
from typing import Final

from passerelle.checks import Check, State
from passerelle.clock import SECOND, Clock
from passerelle.errors import PasserelleError
from passerelle_hub.config import HubSettings
from passerelle_hub.store import Database, batches, recoveries
from passerelle_hub.store.migrated import behind

MINUTE: Final = 60 * SECOND
LATE: Final = 10 * MINUTE
"""From then on a batch that waits is worth a word; most are matched at the next tick."""


def waiting_batches(settings: HubSettings, clock: Clock) -> Check | str:
    """Which agencies' batches wait longer than `LATE`, and whether newer ones were matched meanwhile.

    Raises:
        PasserelleError: `batch_not_matched`, newer ones were.
    """
    if "://" not in settings.database and not settings.path(settings.database).exists():
        return Check("batches", State.WARN, "not there yet", "Start the hub; it makes the database.")
    now = clock.now()
    with closing(Database(settings.database_url)) as database:
        if behind(database):
            return Check("batches", State.WARN, "the database is behind", "Start the hub; it migrates it.")
        with database.read() as tx:
            late, awaited = batches.late(tx, now - LATE), recoveries.awaited(tx)
    if not late:
        return "none waits"
    minutes = (now - min(one.since for one in late)) // MINUTE
    who = ", ".join(f"{one.waiting} of {one.agency}" for one in late)
    text = f"{who} not matched since {minutes} minutes"
    if awaited:
        text = f"{text}: a restored hub still awaits {len(awaited)} agencies"
        return Check("batches", State.WARN, text, "See docs/operate/backup.md.")
    if any(one.overtaken for one in late):
        raise PasserelleError("batch_not_matched", text)
    fix = "Look whether the hub runs, and for `settle.failed` and `tick.failed` in its log."
    return Check("batches", State.WARN, text, fix)
