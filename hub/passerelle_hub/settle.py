"""Transaction B of batches: match, link, notify, audit; the batches are *matched*.

(1) take indexed batches that no other process has, oldest first;
(2) find pairs through the index, which every batch committed before now is in, and read the records that
    share marks again, so that one withdrawn meanwhile is none; lock both records of each pair, by key, and
    begin again where one of them changed, or was linked to a record that came, meanwhile: of two batches that
    hold a pair between them the second to lock sees what the first one linked;
(3) score, ask policy, open or change links;
(4) notify per recipient;
(5) audit and mark each batch.

Runs on the tick and never in the transaction that inserted the rows: looking up inside it misses matches
between batches that arrive side by side. Some batches share a transaction, and with it questions to policy,
signatures and commit. May run twice: links are unique by pair, and a notification is written only where a
link changed. Where batches fail together each is tried alone. One that fails stays *indexed* and holds up no
other. Where policy or the database has no answer for any of them it is tried again at the next tick; after
any other fault ever less often, and alone, named in the log each time (`setbacks`). Until then others are
matched as if its records had not arrived; it finds those pairs itself, as the last to come would. After a
restore nothing is settled while an agency is awaited (`backup.recovery`).

Where more is known of a matched batch, or other weights became active (`rescoring`), (2) to (4) are done
again for it; who stays in a band is no news.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final

from passerelle.errors import PasserelleError
from passerelle.log import get_logger
from passerelle.notification import LinkState
from passerelle_hub.audit import Audit, Detail, EventKind, Note
from passerelle_hub.logbook import vouch
from passerelle_hub.match import pairs
from passerelle_hub.match.links import ACTOR, Known, Linker
from passerelle_hub.match.paired import Paired, compared
from passerelle_hub.match.pairs import Found
from passerelle_hub.match.population import Population
from passerelle_hub.notify import Notifier
from passerelle_hub.setbacks import PASSING, Setbacks, place
from passerelle_hub.store import (
    Database,
    Transaction,
    batches,
    chances,
    common,
    links,
    paired,
    population,
    records,
    recoveries,
    weights,
)
from passerelle_hub.store.batches import PendingBatch

_LOG: Final = get_logger("settle")
_TOGETHER: Final = 8
"""Batches in one transaction: enough to share its cost, few enough to hold up nobody for long."""


class Settlement:
    """Finishes batches, some in one transaction. Called by one thread of a process, on the tick."""

    def __init__(
        self,
        *,
        database: Database,
        linker: Linker,
        notifier: Notifier,
        audit: Audit,
        weights: Callable[[Transaction], bytes] = lambda _: b"",
    ) -> None:
        """`weights` gives the active change of weights (`weighing`)."""
        self._database = database
        self._linker = linker
        self._notifier = notifier
        self._audit = audit
        self._weights = weights
        self._after = 0
        self._setbacks = Setbacks()
        self._unanswered: list[int] = []

    def settle_all(self, limit: int = 64) -> int:
        """Finish what is indexed, oldest first, at most `limit` batches; returns how many it finished."""
        with self._database.read() as tx:
            if recoveries.waiting(tx):
                return 0
            waiting = batches.pending(tx, limit, after=self._after)
        everything = not self._after and len(waiting) < limit
        self._setbacks.beat([batch.batch_pk for batch in waiting] if everything else None)
        due = [batch for batch in waiting if self._setbacks.due(batch.batch_pk)]
        populations = self._counted(due) if due else None
        self._unanswered.clear()
        finished = sum(self._settled(part, populations) for part in self._parts(due))
        for batch_pk in self._unanswered if finished else ():
            self._setbacks.failed(batch_pk)
        stuck = finished < len(waiting) == limit
        self._after = waiting[-1].batch_pk if stuck else 0  # whole pages of failures hold up nobody either
        return finished

    def _parts(self, due: Sequence[PendingBatch]) -> list[Sequence[PendingBatch]]:
        """Some batches each for one transaction; what failed before stands in one of its own."""
        before = [batch for batch in due if batch.batch_pk in self._setbacks]
        whole = [batch for batch in due if batch.batch_pk not in self._setbacks]
        shared = [whole[at : at + _TOGETHER] for at in range(0, len(whole), _TOGETHER)]
        return [*shared, *([batch] for batch in before)]

    def _counted(self, due: Sequence[PendingBatch]) -> Mapping[str, Population] | None:
        """Their populations, counted once for all; None where a domain's cannot be, and each part counts."""
        try:
            with self._database.read() as tx:
                return self.populations(tx, due)
        except Exception:  # noqa: BLE001 - the parts meet the same fault, those of this domain alone
            return None

    def _settled(self, part: Sequence[PendingBatch], populations: Mapping[str, Population] | None) -> int:
        try:
            done = self.settle([batch.batch_pk for batch in part], populations)
        except Exception as fault:  # noqa: BLE001 - one batch must not stop the others, nor the tick
            if len(part) > 1:
                return sum(self._settled([batch], populations) for batch in part)
            self._set_back(part[0], fault)
            return 0
        if done:
            self._setbacks.finished(part[0].batch_pk)  # what failed before stands in a part of its own
        return done

    def _set_back(self, batch: PendingBatch, fault: Exception) -> None:
        """Say which batch failed, why and where; what may pass by itself is tried at the next tick."""
        code = fault.code if isinstance(fault, PasserelleError) else "internal"
        passing = code in PASSING and batch.batch_pk not in self._setbacks
        if passing:
            self._unanswered.append(batch.batch_pk)
        _LOG.error(
            "settle.failed",
            code=code if passing else "batch_not_matched",
            detail=f"{code} at {place(fault)}",
            exception_type=type(fault).__name__,
            agency=batch.agency,
            batch_id=batch.batch_id.hex(),
            attempt=0 if passing else self._setbacks.failed(batch.batch_pk),
        )

    def settle(self, keys: Sequence[int], populations: Mapping[str, Population] | None = None) -> int:
        """One transaction B for batches, by key; returns how many of them no other process has or finished.

        `populations` of the batches' domains are counted anew where the caller has none, or has them by other
        weights than are active now, which stay so until the commit.

        Raises:
            PasserelleError: `policy_unavailable`, `database_unavailable`; the batches stay indexed.
        """
        with self._database.write() as tx:
            weights.hold(tx)  # before any row is locked: who makes others active waits for all that hold
            taken = batches.claim(tx, keys)  # (1)
            if not taken:
                return 0
            first = [batch.batch_pk for batch in taken]
            found, known, aside = self._locked(tx, first)
            common.note(tx, found.common)
            change = self._weights(tx)
            if populations is None or any(one.change != change for one in populations.values()):
                populations = self.populations(tx, taken)
            changes = self._linker.link(tx, found.pairs, known, populations, first, aside)  # (3)
            written = self._notifier.notify(tx, changes)  # (4)
            figures: Detail = {
                "together": len(taken),
                "pairs": len(found.pairs),
                "changed": len(changes),
                "notifications": written,
                "too_common": found.too_common,
            }
            self._audit.append_many(  # (5)
                tx,
                ACTOR,
                [
                    Note(
                        EventKind.BATCH_MATCHED,
                        {"batch": batch.batch_pk, **figures},
                        vouch.matched(batch.batch_id),
                    )
                    for batch in taken
                ],
            )
            batches.mark_matched(tx, first)
        return len(taken)

    def rematch(self, tx: Transaction, keys: Sequence[int]) -> None:
        """Steps 2 to 4 for batches that were matched, inside the caller's transaction.

        Raises:
            PasserelleError: `policy_unavailable`; the caller's transaction must not commit.
        """
        found, known, aside = self._locked(tx, keys)
        held = populations(tx, {pair.low.domain for pair in found.pairs}, self._weights(tx))
        self._notifier.notify(tx, self._linker.link(tx, found.pairs, known, held, aside=aside))

    def populations(self, tx: Transaction, waiting: Sequence[PendingBatch]) -> dict[str, Population]:
        """What the records of each batch's domain are compared with, by the active weights."""
        return populations(tx, {batch.domain for batch in waiting}, self._weights(tx))

    def _locked(self, tx: Transaction, keys: Sequence[int]) -> tuple[Found, Known, Collection[int]]:
        """Step 2, the links of those records of the batches that stand in one, and the batches set aside.

        What has neither pair nor link is left to whoever changes it. A link without a pair says that its
        records share nothing any longer, but only if it and they were there before the look-up: one that
        another process wrote meanwhile may be to a record that came meanwhile, and its other record may be
        about to change, so both are locked and all is looked up again. Set aside is what nobody else matches
        meanwhile: of two batches that were, one must find the other.
        """
        failed = self._setbacks.aside(keys)
        aside = {batch.batch_pk for batch in batches.claim(tx, failed)} if failed else set[int]()
        before = set[tuple[int, int, str]]()
        while True:
            found = pairs.find(tx, keys, aside=aside)
            held = {row.record_pk: row for pair in found.pairs for row in (pair.low, pair.high)}
            held |= records.by_key(tx, sorted(links.ends(tx, keys) - held.keys()))
            if not records.lock(tx, held):
                continue
            known = links.of_records(tx, sorted(key for key, row in held.items() if row.batch_pk in keys))
            unpaired = _unpaired(known, found)
            if unpaired <= before:
                return found, known, aside
            before = unpaired
            ends = sorted({end for low, high, _ in unpaired for end in (low, high)})
            while not records.lock(tx, records.by_key(tx, ends)):
                pass


def _unpaired(known: Known, found: Found) -> set[tuple[int, int, str]]:
    """The links that stand without a pair."""
    paired = {(pair.low.record_pk, pair.high.record_pk) for pair in found.pairs}
    return {
        key for key, link in known.items() if key[:2] not in paired and link.state != LinkState.ERASED.value
    }


def populations(tx: Transaction, domains: Collection[str], change: bytes) -> dict[str, Population]:
    """What records of each domain are compared with: those of other agencies that are under no embargo.

    With what the domain's connectors measured on such records, what its pairs showed, and the active change
    of weights. All as powers of two, so that a score does not tell what the hub holds.
    """
    found: dict[str, Population] = {}
    for domain in domains:
        held = compared(population.visible(tx, domain).values())
        one = Population(held, stated=chances.stated(tx, domain), change=change)
        found[domain] = one.measured(Paired(*paired.of(tx, domain)))
    return found
