"""By which weights pairs are scored, and how others become active.

How a change becomes active
---------------------------
(1) verify: two persons' signatures over exactly this change (`match.signed_change`), learned on the shipped
    table;
(2) it must have been signed after the active one; going back is a command of its own;
(3) trial: where pairs would be newly notified, the second signer must have approved that;
(4) audit and store: one transaction. Every hub process reads the table before it scores, so the next batch is
    scored by it; then the pairs of all batches are, some on each tick (`settle`).

Whatever fails is audited as refused and changes nothing. A process that cannot verify the active change, say
after a release with another table, scores by the shipped table and says so in its log: matching goes on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Final

from passerelle.clock import Clock
from passerelle.errors import PasserelleError
from passerelle.log import get_logger
from passerelle_hub.audit import Audit, EventKind
from passerelle_hub.match.signed_change import SignedChange, verify_file
from passerelle_hub.match.trial import Trial
from passerelle_hub.policy.signatures import Signers
from passerelle_hub.store import Database, Transaction, turns, weights
from passerelle_hub.store.weights import StoredChange

_LOG: Final = get_logger("weights")
SHIPPED: Final = ""
Try = Callable[[bytes], Trial]
"""Scores the stored pairs by a change (its bytes; empty for the shipped table)."""


class ActiveWeights:
    """The change that a process scores by; verified once for each activation."""

    def __init__(self, signers: Signers) -> None:
        self._signers = signers
        self._seen = 0
        self._change = b""

    def change(self, tx: Transaction) -> bytes:
        """Its bytes; empty for the shipped table."""
        row = weights.active(tx)
        if row is not None and row.generation != self._seen:
            change = self._verified(row)
            self._change, self._seen = change, row.generation  # in this order: others read them meanwhile
        return self._change

    def _verified(self, row: StoredChange) -> bytes:
        if row.revision == SHIPPED:
            return b""
        try:
            signed = verify_file(row.file, self._signers)
        except PasserelleError as error:
            _LOG.error("weights.not_loaded", revision=row.revision, code=error.code)
            return b""
        _LOG.info("weights.loaded", revision=row.revision, state=str(row.generation))
        return signed.body


class WeightsOffice:
    """What the operator does with changes of weights. Blocking; beside a running hub or without one."""

    def __init__(self, database: Database, audit: Audit, signers: Signers, clock: Clock) -> None:
        self._database = database
        self._audit = audit
        self._signers = signers
        self._clock = clock

    def activate(self, raw: bytes, trial: Try, actor: str) -> SignedChange:
        """Score by a signed change from the next batch on, and then all pairs anew.

        Raises:
            PasserelleError: as `verify_file`; `weights_revision_older`, `weights_approval_missing`.
        """
        try:
            signed = verify_file(raw, self._signers)  # (1)
            refuse_newly_notified(trial(signed.body), approved=signed.newly_notified)  # (3)
            with self._database.write() as tx:
                turns.take(tx)
                last = weights.active(tx)
                if last is not None and signed.issued <= last.issued:  # (2)
                    raise PasserelleError("weights_revision_older", signed.change.revision)
                self._store(
                    tx, signed.change.revision, raw, signed.issued, actor, [signed.first, signed.second]
                )
        except PasserelleError as error:
            with self._database.write() as tx:
                bundle = hashlib.sha256(raw).hexdigest()
                self._audit.append(tx, EventKind.WEIGHTS_REFUSED, actor, bundle=bundle, code=error.code)
            raise
        return signed

    def roll_back(self, actor: str) -> str:
        """Go back to what was active before the present change; returns its revision, empty for the shipped.

        It was approved once, so nothing is replayed: going back must work on a bad day.

        Raises:
            PasserelleError: `weights_nothing_active`; as `verify_file`.
        """
        with self._database.write() as tx:
            turns.take(tx)
            past = weights.listing(tx)
            if not past or past[0].revision == SHIPPED:
                raise PasserelleError("weights_nothing_active")
            former = next((row for row in past if row.revision != past[0].revision), None)
            if former is not None and former.revision != SHIPPED:
                verify_file(former.file, self._signers)
            revision, file = (former.revision, former.file) if former else (SHIPPED, b"")
            self._store(tx, revision, file, past[0].issued, actor, [])
        return revision

    def _store(
        self, tx: Transaction, revision: str, file: bytes, issued: int, actor: str, signers: list[str]
    ) -> None:
        before = weights.active(tx)
        self._audit.append(
            tx,
            EventKind.WEIGHTS_ACTIVATED,
            actor,
            revision=revision,
            bundle=hashlib.sha256(file).hexdigest(),
            signers=signers,
            former=before.revision if before else SHIPPED,
        )
        weights.add(tx, revision, file, issued, actor, self._clock.now())


def refuse_newly_notified(trial: Trial, *, approved: bool) -> None:
    """Refuse what would notify pairs of which nobody said so.

    Raises:
        PasserelleError: `weights_approval_missing`.
    """
    if trial.newly_notified and not approved:
        raise PasserelleError(
            "weights_approval_missing", f"{trial.newly_notified} of {trial.pairs} newly notified"
        )
