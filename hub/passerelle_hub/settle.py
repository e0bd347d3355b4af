"""Transaction B of a batch: match, link, notify, audit; the batch is *matched*.

(1) take the oldest indexed batch that no other process has, and read its records again, so that one
    withdrawn meanwhile is none;
(2) find pairs through the index, which every batch committed before now is in; lock both records of each, by
    key, and begin again where one of them changed meanwhile: of two batches that hold a pair between them
    the second to lock sees what the first one linked;
(3) score, ask policy, open or change links;
(4) notify per recipient;
(5) audit and mark the batch.

Runs on the tick and never in the transaction that inserted the rows: looking up inside it misses matches
between batches that arrive side by side. May run twice: links are unique by pair, and a notification is
written only where a link changed. A batch that fails, or finds policy without an answer, stays *indexed*,
holds up no other, and is tried again at the next tick. After a restore nothing is settled while an agency is
awaited (`backup.recovery`).
"""

from __future__ import annotations

from typing import Final

from passerelle.errors import PasserelleError
from passerelle.log import get_logger
from passerelle_hub.audit import Audit, EventKind
from passerelle_hub.logbook import vouch
from passerelle_hub.match import pairs
from passerelle_hub.match.links import ACTOR, Linker
from passerelle_hub.match.pairs import Found
from passerelle_hub.match.score import Population
from passerelle_hub.notify import Notifier
from passerelle_hub.store import Database, Transaction, batches, chances, links, records, recoveries
from passerelle_hub.store.batches import PendingBatch
from passerelle_hub.store.records import StoredRecord

_LOG: Final = get_logger("settle")


class Settlement:
    """Finishes batches, one transaction each. Called by one thread of a process, on the tick."""

    def __init__(self, *, database: Database, linker: Linker, notifier: Notifier, audit: Audit) -> None:
        self._database = database
        self._linker = linker
        self._notifier = notifier
        self._audit = audit
        self._after = 0

    def settle_all(self, limit: int = 64) -> int:
        """Finish what is indexed, oldest first, at most `limit` batches; returns how many it finished."""
        with self._database.read() as tx:
            if recoveries.waiting(tx):
                return 0
            waiting = batches.pending(tx, limit, after=self._after)
            domains = {batch.domain for batch in waiting}
            populations = {domain: _population(tx, domain) for domain in domains}
        finished = sum(self._settled(batch, populations[batch.domain]) for batch in waiting)
        stuck = finished < len(waiting) == limit
        self._after = waiting[-1].batch_pk if stuck else 0  # whole pages of failures hold up nobody either
        return finished

    def _settled(self, batch: PendingBatch, population: Population) -> bool:
        try:
            return self.settle(batch, population)
        except Exception as fault:  # noqa: BLE001 - one batch must not stop the others, nor the tick
            code = fault.code if isinstance(fault, PasserelleError) else "internal"
            _LOG.error("settle.failed", code=code, exception_type=type(fault).__name__)
            return False

    def settle(self, batch: PendingBatch, population: Population | None = None) -> bool:
        """One transaction B, unless another process has the batch or finished it; whether it was this one.

        `population` is counted anew where the caller has none.

        Raises:
            PasserelleError: `policy_unavailable`, `database_unavailable`; the batch stays indexed.
        """
        with self._database.write() as tx:
            if not batches.claim(tx, batch.batch_pk):  # (1)
                return False
            rows, found = self._locked(tx, batch)
            touched = [row.record_pk for row in rows]
            population = population or _population(tx, batch.domain)
            changes = self._linker.link(tx, found.pairs, touched, population)  # (3)
            written = self._notifier.notify(tx, changes)  # (4)
            self._audit.append(  # (5)
                tx,
                EventKind.BATCH_MATCHED,
                ACTOR,
                vouch=vouch.matched(batch.batch_id),
                batch=batch.batch_pk,
                pairs=len(found.pairs),
                changed=len(changes),
                notifications=written,
                too_common=found.too_common,
            )
            batches.mark_matched(tx, batch.batch_pk)
        return True

    def _locked(self, tx: Transaction, batch: PendingBatch) -> tuple[tuple[StoredRecord, ...], Found]:
        """Steps 1 and 2; what has neither pair nor link is left to whoever changes it."""
        while True:
            rows = records.of_batch(tx, batch.batch_pk)
            found = pairs.find(tx, rows)
            if not self._database.concurrent:
                return rows, found
            linked = links.ends(tx, [row.record_pk for row in rows])
            held = {row.record_pk: row for row in rows if row.record_pk in linked}
            held |= {row.record_pk: row for pair in found.pairs for row in (pair.low, pair.high)}
            if records.lock(tx, held):
                return rows, found


def _population(tx: Transaction, domain: str) -> Population:
    """What a record is compared with: the domain's records that are under no embargo.

    With what the domain's connectors measured on such records.

    Rounded up to a power of two, so that a score does not tell how many records the hub holds.
    """
    held = 1 << max(records.visible(tx, domain) - 1, 1).bit_length()
    return Population(held, stated=chances.stated(tx, domain))
