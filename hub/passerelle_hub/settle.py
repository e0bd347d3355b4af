"""Transaction B of a batch: match, link, notify, audit; the batch is *matched*.

(1) take the oldest indexed batch and read its records again, so that one withdrawn meanwhile is none;
(2) find pairs through the index, which every batch committed before now is in;
(3) score, ask policy, open or change links;
(4) notify per recipient;
(5) audit and mark the batch.

Runs on the tick and never in the transaction that inserted the rows: looking up inside it misses matches
between batches that arrive side by side. May run twice: links are unique by pair, and a notification is
written only where a link changed.
"""

from __future__ import annotations

from passerelle_hub.audit import Audit, EventKind
from passerelle_hub.match import pairs
from passerelle_hub.match.links import ACTOR, Linker
from passerelle_hub.match.score import Population
from passerelle_hub.notify import Notifier
from passerelle_hub.store import Database, batches, records
from passerelle_hub.store.batches import PendingBatch


class Settlement:
    """Finishes batches, one transaction each. Called on the hub's write thread."""

    def __init__(self, *, database: Database, linker: Linker, notifier: Notifier, audit: Audit) -> None:
        self._database = database
        self._linker = linker
        self._notifier = notifier
        self._audit = audit

    def settle_all(self, limit: int = 64) -> int:
        """Finish what is indexed, oldest first, at most `limit` batches; returns how many."""
        with self._database.read() as tx:
            waiting = batches.pending(tx, limit)
        for batch in waiting:
            self.settle(batch)
        return len(waiting)

    def settle(self, batch: PendingBatch) -> None:
        """One transaction B."""
        with self._database.write() as tx:
            rows = records.of_batch(tx, batch.batch_pk)  # (1)
            found = pairs.find(tx, rows)  # (2)
            touched = [row.record_pk for row in rows]
            population = Population(_rounded(sum(records.counts(tx).values())))
            changes = self._linker.link(tx, found.pairs, touched, population)  # (3)
            written = self._notifier.notify(tx, changes)  # (4)
            self._audit.append(  # (5)
                tx,
                EventKind.BATCH_MATCHED,
                ACTOR,
                batch=batch.batch_pk,
                pairs=len(found.pairs),
                changed=len(changes),
                notifications=written,
                too_common=found.too_common,
            )
            batches.mark_matched(tx, batch.batch_pk)


def _rounded(count: int) -> int:
    """Up to the next power of two, so that a score does not tell how many records the hub holds."""
    return 1 << max(count - 1, 1).bit_length()
