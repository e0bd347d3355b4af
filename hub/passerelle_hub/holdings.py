"""Reconciliation: what the hub holds of an agency, said to that agency and signed.

(1) position and holdings are read in one transaction, so that both speak of the same instant;
(2) a comparison is answered with the hub's own digests, a selection with a page of records;
(3) where the connector stood at the same place in its chain and believed something else, the difference is
    noted in the audit log: a number of buckets, never a record;
(4) where both agree and a restored hub awaits the agency, it does so no more (`backup.recovery`).

The answer to a comparison also says which tokens of the agency's records are too common to count, so that no
value is held back in silence. Embargoed records of others do not count.

An agency learns of its own records alone. Nothing is changed here: the connector heals, by sending again or
withdrawing, and every such batch is admitted and decided like any other.
"""

from __future__ import annotations

from dataclasses import dataclass

from passerelle.clock import Clock
from passerelle.codec.holdings import encode_digest, encode_list
from passerelle.holdings import (
    DIGEST_TYPE,
    LIST_TYPE,
    MAX_COMMON,
    MAX_LISTED,
    Comparison,
    HoldingsDigest,
    HoldingsList,
    Selection,
    summarise,
)
from passerelle.identity import Identity
from passerelle.sign import Signed, SigningKey, sign
from passerelle_hub.audit import Audit, EventKind
from passerelle_hub.backup.recovery import Recovery
from passerelle_hub.match.pairs import FREQUENCY_CAP
from passerelle_hub.store import Database, batches, common, holdings, recoveries


@dataclass(frozen=True, slots=True)
class Answer:
    """The signed answer, and how many buckets differ where both sides spoke of the same instant.

    `awaited`: they agree, and that is what a restored hub waits for.
    """

    signed: Signed
    differing: int = 0
    awaited: bool = False


class Holdings:
    """Answers reconciliations. Blocking; `answer` only reads, `note` runs on a write thread of the hub."""

    def __init__(
        self,
        *,
        hub: Identity,
        database: Database,
        key: SigningKey,
        audit: Audit,
        clock: Clock,
    ) -> None:
        self._hub = hub
        self._database = database
        self._key = key
        self._audit = audit
        self._clock = clock
        self._recovery = Recovery(audit, clock)

    def answer(self, peer: Identity, question: Comparison | Selection) -> Answer:
        """Steps 1 and 2, for a caller that may ask."""
        if isinstance(question, Comparison):
            return self._compare(peer, question)
        return self._list(peer, question)

    def note(self, peer: Identity, answer: Answer) -> None:
        """Step 3 or 4."""
        with self._database.write() as tx:
            if answer.differing:
                self._audit.append(tx, EventKind.HOLDINGS_DIFFER, str(peer), buckets=answer.differing)
            if answer.awaited:
                self._recovery.agreed(tx, peer.agency, str(peer))

    def _compare(self, peer: Identity, question: Comparison) -> Answer:
        with self._database.read() as tx:  # (1)
            position = batches.position(tx, peer.agency)
            summary = summarise(holdings.active(tx, peer.agency))
            awaited = recoveries.awaits(tx, peer.agency)
            held_back = common.of_agency(tx, peer.agency, FREQUENCY_CAP, MAX_COMMON)
        said = HoldingsDigest(
            str(self._hub), peer.agency, question.nonce, position, summary, self._clock.now(), held_back
        )
        same_place = position.next_sequence == question.next_sequence
        differing = len(summary.differing(question.summary)) if same_place else 0
        signed = sign(self._key, DIGEST_TYPE, encode_digest(said))  # (2)
        return Answer(signed, differing, awaited and same_place and not differing)

    def _list(self, peer: Identity, question: Selection) -> Answer:
        with self._database.read() as tx:  # (1)
            position = batches.position(tx, peer.agency)
            found = holdings.listed(tx, peer.agency, question.buckets, question.after, MAX_LISTED + 1)
        said = HoldingsList(
            hub=str(self._hub),
            agency=peer.agency,
            nonce=question.nonce,
            position=position,
            records=found[:MAX_LISTED],
            more=len(found) > MAX_LISTED,
            taken=self._clock.now(),
        )
        return Answer(sign(self._key, LIST_TYPE, encode_list(said)))  # (2)
