"""What `doctor` says of what waits in a hub: batches not matched, or not by the active weights; clusters."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Final, TypeVar

from passerelle.checks import Check, State
from passerelle.clock import SECOND, Clock
from passerelle.errors import PasserelleError
from passerelle_hub.config import HubSettings
from passerelle_hub.store import Database, Transaction, batches, clusters, recoveries, weights
from passerelle_hub.store.migrated import behind

T = TypeVar("T")
MINUTE: Final = 60 * SECOND
LATE: Final = 10 * MINUTE
"""From then on a batch that waits is worth a word; most are matched at the next tick."""
AWAITED: Final = "a restored hub still awaits {} agencies"
NAMED: Final = 5
"""Batches that are named one by one."""


def waiting_batches(settings: HubSettings, clock: Clock) -> Check | str:
    """Which agencies' batches wait longer than `LATE`, and whether newer ones were matched meanwhile.

    Raises:
        PasserelleError: `batch_not_matched`, newer ones were.
    """
    now = clock.now()
    found = _read("batches", settings, lambda tx: (batches.late(tx, now - LATE), len(recoveries.awaited(tx))))
    if isinstance(found, Check):
        return found
    late, awaited = found
    if not late:
        return "none waits"
    minutes = (now - min(one.since for one in late)) // MINUTE
    who = ", ".join(f"{one.waiting} of {one.agency}" for one in late)
    text = f"{who} not matched since {minutes} minutes"
    if awaited:
        text = f"{text}: {AWAITED.format(awaited)}"
        return Check("batches", State.WARN, text, "See docs/operate/backup.md.")
    if any(one.overtaken for one in late):
        raise PasserelleError("batch_not_matched", text)
    fix = "Look whether the hub runs, and for `settle.failed` and `tick.failed` in its log."
    return Check("batches", State.WARN, text, fix)


def rescored_batches(settings: HubSettings) -> Check | str:
    """Which batches' links stand in the bands of older weights, because scoring them anew fails.

    Raises:
        PasserelleError: `batch_not_rescored`, some do.
    """
    found = _read(
        "rescoring",
        settings,
        lambda tx: (weights.left(tx, NAMED), weights.left_behind(tx), weights.reached(tx)),
    )
    if isinstance(found, Check):
        return found
    left, number, reached = found
    if number:
        named = [
            f"{one.batch_id.hex()} of {one.agency}: {one.code} at {one.place}, {one.tries} times"
            for one in left
        ]
        more = [f"{number - len(left)} more"] if number > len(left) else []
        raise PasserelleError("batch_not_rescored", "; ".join(named + more))
    return "links follow the active weights" if reached is None else "goes on, and none failed"


def waiting_clusters(settings: HubSettings, clock: Clock) -> Check | str:
    """Between whom changed links wait for their clusters longer than `LATE`, and whether newer were done.

    Raises:
        PasserelleError: `clusters_not_computed`, newer ones were.
    """
    now = clock.now()

    def look(tx: Transaction) -> tuple[tuple[clusters.Late, ...], bool, int]:
        late = clusters.late(tx, now - LATE)
        passed = bool(late) and clusters.overtaken(tx, min(one.since for one in late))
        return late, passed, len(recoveries.awaited(tx))

    found = _read("clusters", settings, look)
    if isinstance(found, Check):
        return found
    late, passed, awaited = found
    if not late:
        return "none waits"
    minutes = (now - min(one.since for one in late)) // MINUTE
    who = ", ".join(f"{one.waiting} of {one.low_agency} and {one.high_agency}" for one in late)
    text = f"changed links not worked in since {minutes} minutes: {who}"
    if awaited:
        return Check(
            "clusters", State.WARN, f"{text}; {AWAITED.format(awaited)}", "See docs/operate/backup.md."
        )
    if passed:
        raise PasserelleError("clusters_not_computed", text)
    fix = "Look whether the hub runs, and for `clustering.failed` and `tick.failed` in its log."
    return Check("clusters", State.WARN, text, fix)


def _read(name: str, settings: HubSettings, look: Callable[[Transaction], T]) -> T | Check:
    """What the tables say; or what to do first."""
    if "://" not in settings.database and not settings.path(settings.database).exists():
        return Check(name, State.WARN, "not there yet", "Start the hub; it makes the database.")
    with closing(Database(settings.database_url)) as database:
        if behind(database):
            return Check(name, State.WARN, "the database is behind", "Start the hub; it migrates it.")
        with database.read() as tx:
            return look(tx)
