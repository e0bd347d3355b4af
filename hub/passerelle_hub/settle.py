"""Transaction B of a batch: match, link, notify, audit; the batch is *matched*.

(1) take the oldest indexed batch and read its records again, so that one withdrawn meanwhile is none;
(2) find pairs through the index, which every batch committed before now is in;
(3) score, ask policy, open or change links;
(4) notify per recipient;
(5) audit and mark the batch.

Runs on the tick and never in the transaction that inserted the rows: looking up inside it misses matches
between batches that arrive side by side. May run twice: links are unique by pair, and a notification is
written only where a link changed. A batch that fails, or finds policy without an answer, stays *indexed*,
holds up no other, and is tried again at the next tick.
"""

from __future__ import annotations

from typing import Final

from passerelle.errors import PasserelleError
from passerelle.log import get_logger
from passerelle_hub.audit import Audit, EventKind
from passerelle_hub.logbook import vouch
from passerelle_hub.match import pairs
from passerelle_hub.match.links import ACTOR, Linker
from passerelle_hub.match.score import Population
from passerelle_hub.notify import Notifier
from passerelle_hub.store import Database, Transaction, batches, records
from passerelle_hub.store.batches import PendingBatch

_LOG: Final = get_logger("settle")


class Settlement:
    """Finishes batches, one transaction each. Called on the hub's write thread."""

    def __init__(self, *, database: Database, linker: Linker, notifier: Notifier, audit: Audit) -> None:
        self._database = database
        self._linker = linker
        self._notifier = notifier
        self._audit = audit
        self._after = 0

    def settle_all(self, limit: int = 64) -> int:
        """Finish what is indexed, oldest first, at most `limit` batches; returns how many it finished."""
        with self._database.read() as tx:
            waiting = batches.pending(tx, limit, after=self._after)
            domains = {batch.domain for batch in waiting}
            populations = {domain: _population(tx, domain) for domain in domains}
        finished = sum(self._settled(batch, populations[batch.domain]) for batch in waiting)
        stuck = finished < len(waiting) == limit
        self._after = waiting[-1].batch_pk if stuck else 0  # whole pages of failures hold up nobody either
        return finished

    def _settled(self, batch: PendingBatch, population: Population) -> bool:
        try:
            self.settle(batch, population)
        except Exception as fault:  # noqa: BLE001 - one batch must not stop the others, nor the tick
            code = fault.code if isinstance(fault, PasserelleError) else "internal"
            _LOG.error("settle.failed", code=code, exception_type=type(fault).__name__)
            return False
        return True

    def settle(self, batch: PendingBatch, population: Population | None = None) -> None:
        """One transaction B; `population` is counted anew where the caller has none.

        Raises:
            PasserelleError: `policy_unavailable`; the batch stays indexed.
        """
        with self._database.write() as tx:
            rows = records.of_batch(tx, batch.batch_pk)  # (1)
            found = pairs.find(tx, rows)  # (2)
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


def _population(tx: Transaction, domain: str) -> Population:
    """What a record is compared with: the domain's records that are under no embargo.

    Rounded up to a power of two, so that a score does not tell how many records the hub holds.
    """
    return Population(1 << max(records.visible(tx, domain) - 1, 1).bit_length())
