"""Links follow the active weights: pairs of batches that were matched by others are scored anew, on the tick.

(1) of those left behind, try some that are due, each alone, until one fails;
(2) score the next batches anew, oldest first, in one transaction that says how far it got;
(3) where they fail together, try each alone. One that fails is *left behind*: the table says so, in the
    transaction that goes on beyond it, with code and place of the fault.

So whatever is in neither the table of those left behind nor ahead stands in the bands of the active weights,
after a restart as well. One that fails again is tried ever less often (`setbacks`), those tried least first,
and named in the log each time. A tick tries at most `_TOGETHER` of (1), one fault among them, and of (2), so
that settling waits for neither. Where policy or the database has no answer a batch is left behind only if
others were settled or scored in the same tick: otherwise that hinders everybody, and all are tried again.

May run twice, and side by side: whoever scores holds the records and reads the active weights after that
(`settle`), so the last to score a pair does so by the newest. When others become active all are ahead again,
those left behind too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from passerelle.errors import PasserelleError
from passerelle.log import get_logger
from passerelle_hub.setbacks import PASSING, Setbacks, place
from passerelle_hub.store import Database, Transaction, batches, recoveries, weights
from passerelle_hub.store.batches import PendingBatch
from passerelle_hub.store.weights import LeftBatch

_LOG: Final = get_logger("rescore")
_TOGETHER: Final = 8
"""Batches in one transaction, as in `settle`."""


class Rescoring:
    """Scores anew what other weights scored. Called by one thread of a process, on the tick."""

    def __init__(self, database: Database, rematch: Callable[[Transaction, Sequence[int]], None]) -> None:
        """`rematch` scores batches, by key, inside a transaction (`Settlement.rematch`)."""
        self._database = database
        self._rematch = rematch
        self._setbacks = Setbacks()

    def catch_up(self, *, answered: bool) -> int:
        """Steps 1 to 3; returns how many it scored. `answered`: policy and database had answers this time."""
        self._setbacks.beat()
        done = 0
        try:
            with self._database.read() as tx:
                if recoveries.waiting(tx):
                    return 0
                due = weights.left(tx, _TOGETHER, self._setbacks.resting())
                ahead = weights.reached(tx)
            done += self._tried_again(due)  # (1)
            if ahead:
                done += self._onwards(answered=answered or done > 0)
        except Exception as fault:  # noqa: BLE001 - the rest of the tick goes on; the next one tries again
            _LOG.error("rescore.failed", code=_code(fault), exception_type=type(fault).__name__)
        return done

    def _tried_again(self, due: Sequence[LeftBatch]) -> int:
        for done, one in enumerate(due):
            try:
                with self._database.write() as tx:
                    if weights.claim_left(tx, one.batch_pk):
                        self._score(tx, [one])
            except Exception as fault:  # noqa: BLE001 - one batch must not stop the others, nor the tick
                with self._database.write() as tx:
                    self._leave(tx, one, fault)
                return done
            self._setbacks.finished(one.batch_pk)
        return len(due)

    def _onwards(self, *, answered: bool) -> int:
        try:
            with self._database.write() as tx:  # (2)
                at = weights.reached(tx, claim=True)
                if at is None:
                    return 0
                page = batches.matched_after(tx, at.after, _TOGETHER)
                self._score(tx, page)
                weights.rescored(tx, at.generation, page[-1].batch_pk if page else weights.ALL)
        except Exception as fault:  # noqa: BLE001 - whose it is shows where each is tried alone
            return self._one_by_one(fault, answered=answered)
        return len(page)

    def _one_by_one(self, together: Exception, *, answered: bool) -> int:
        """Step 3, after a fault of all together. Decides nothing where another process goes on meanwhile."""
        with self._database.read() as tx:
            at = weights.reached(tx)
            page = batches.matched_after(tx, at.after, _TOGETHER) if at else ()
        if at is None or not page:
            raise together
        faults: list[tuple[PendingBatch, Exception]] = []
        for one in page:
            try:
                with self._database.write() as tx:
                    if weights.reached(tx, claim=True) != at:
                        return 0
                    self._score(tx, [one])
            except Exception as fault:  # noqa: BLE001 - one batch must not stop the others, nor the tick
                faults.append((one, fault))
        done = len(page) - len(faults)
        if any(_code(met) in PASSING for _, met in faults) and not (answered or done):
            raise together
        with self._database.write() as tx:
            if weights.reached(tx, claim=True) == at:
                for one, met in faults:
                    self._leave(tx, one, met)
                weights.rescored(tx, at.generation, page[-1].batch_pk)
        return done

    def _score(self, tx: Transaction, some: Sequence[PendingBatch | LeftBatch]) -> None:
        if keys := [one.batch_pk for one in some]:
            self._rematch(tx, keys)
            weights.caught_up(tx, keys)

    def _leave(self, tx: Transaction, one: PendingBatch | LeftBatch, fault: Exception) -> None:
        """Keep that it is behind, and say which, why and where."""
        weights.leave(tx, one.batch_pk, _code(fault), place(fault))
        _LOG.error(
            "rescore.failed",
            code="batch_not_rescored",
            detail=f"{_code(fault)} at {place(fault)}",
            exception_type=type(fault).__name__,
            agency=one.agency,
            batch_id=one.batch_id.hex(),
            attempt=self._setbacks.failed(one.batch_pk),
        )


def _code(fault: Exception) -> str:
    return fault.code if isinstance(fault, PasserelleError) else "internal"
