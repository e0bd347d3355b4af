"""The tick: everything that others can see of the hub's work happens on it and nowhere else.

(1) the agencies and the active revision of policy are read from the tables, calls refused since the last tick
    are written to the log;
(2) agencies that have a key again are told what they missed, then indexed batches are settled (transaction B
    each), matched ones are scored anew by other weights, and pairs that were looked at closer are matched
    anew, then clusters catch up with the links that changed;
(3) the tick is closed: one leaf of the log, whether much happened, little or nothing, or (1) failed;
(4) whoever waits for notifications is woken, everybody at the same moment, which is the end of a slot
    (`slots`) and not the end of the work.

Of several processes on one database each does (1) and its share of settling and scoring anew; the one
that leads does the rest of (2) and (3), and its commit wakes the others for (4).

So neither the receipt nor the moment of a push tells of links one may not know.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from passerelle_hub.closer.looks import Comparisons
from passerelle_hub.clustering import Clustering
from passerelle_hub.letters import DeadLetters
from passerelle_hub.registry import Registry
from passerelle_hub.rescoring import Rescoring
from passerelle_hub.settle import Settlement
from passerelle_hub.slots import TickTime
from passerelle_hub.store import Database, Transaction
from passerelle_hub.store.leading import Leader
from passerelle_hub.store.waking import wake
from passerelle_hub.transparency import Transparency


@dataclass(frozen=True, slots=True)
class Beat:
    """What one tick did: its number in the log (none: another process leads), how many batches it settled."""

    tick: int | None
    settled: int


class Pulse:
    """One tick after another. Blocking; called by one thread at a time."""

    def __init__(
        self,
        *,
        database: Database,
        registry: Registry,
        letters: DeadLetters,
        settlement: Settlement,
        rescoring: Rescoring,
        clustering: Clustering,
        comparisons: Comparisons,
        transparency: Transparency,
        leader: Leader,
        flush: Callable[[], None],
        follow: Callable[[Transaction], None],
        time: TickTime,
    ) -> None:
        self._database = database
        self._registry = registry
        self._letters = letters
        self._settlement = settlement
        self._rescoring = rescoring
        self._clustering = clustering
        self._comparisons = comparisons
        self._transparency = transparency
        self._leader = leader
        self._flush = flush
        self._follow = follow
        self._time = time

    def beat(self) -> Beat:
        """Steps 1 to 3; waking (4) is the event loop's part."""
        with self._time.tick():
            return self._beat()

    def _beat(self) -> Beat:
        settled, number = 0, None
        leads = self._leader.held()
        try:
            with self._database.read() as tx:
                self._registry.refresh(tx)
                self._follow(tx)
            self._flush()
            if leads:
                self._letters.deliver()
            settled = self._settlement.settle_all()
            self._rescoring.catch_up(answered=settled > 0)
            if leads:
                self._comparisons.compare_all()
                self._clustering.catch_up()
        finally:  # receipts promise that the log holds their events soon, whatever else fails
            if leads:
                number = self._close()
        return Beat(number, settled)

    def _close(self) -> int:
        with self._database.write() as tx:
            tick = self._transparency.close_tick(tx)
            wake(tx)
        return tick.tick
