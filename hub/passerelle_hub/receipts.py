"""Receipts: the hub's signed promise or refusal for one batch.

A refusal is signed and audited like a promise. It consumes the sequence number where the caller says so:
when the statement is authentic and was the agency's next one.
"""

from __future__ import annotations

from passerelle.clock import SECOND, Clock
from passerelle.codec.signed import encode_signed
from passerelle.codec.statement import decode_statement, encode_receipt
from passerelle.errors import PasserelleError
from passerelle.identity import Identity
from passerelle.record import (
    GENESIS,
    ID_BYTES,
    RECEIPT_TYPE,
    BatchStatement,
    Receipt,
    RecordRefusal,
)
from passerelle.sign import Signed, SigningKey, sign
from passerelle_hub.admit import statement_digest
from passerelle_hub.audit import NO_VOUCH, Audit, EventKind
from passerelle_hub.logbook import vouch
from passerelle_hub.store import Transaction, batches
from passerelle_hub.store.batches import NewBatch

MERGE_DELAY = 10 * SECOND


class Receipts:
    """Signs receipts in the name of the hub."""

    def __init__(self, hub: Identity, key: SigningKey, audit: Audit, clock: Clock) -> None:
        self._hub = hub
        self._key = key
        self._audit = audit
        self._clock = clock

    def accept(
        self, statement: BatchStatement, digest: bytes, refusals: tuple[RecordRefusal, ...], event: bytes
    ) -> Signed:
        """The promise for an accepted batch, with the records that were not taken."""
        named = (statement.agency, statement.batch_id, statement.sequence, digest)
        return self._sign(*named, "", refusals, event, consumed=True)

    def refuse(
        self,
        tx: Transaction,
        signed: Signed | None,
        peer: Identity,
        error: PasserelleError,
        *,
        consumed: bool,
    ) -> Signed:
        """The refusal of a batch, audited and, where it uses up a number, stored."""
        statement = _readable(signed)
        digest = statement_digest(signed) if signed else GENESIS
        event = self._audit.append(
            tx,
            EventKind.BATCH_REFUSED,
            str(peer),
            vouch=vouch.batch(statement.batch_id, digest) if consumed and statement else NO_VOUCH,
            code=error.code,
            consumed=int(consumed),
            statement=digest.hex(),
        )
        batch_id = statement.batch_id if statement else bytes(ID_BYTES)
        sequence = statement.sequence if statement else 0
        receipt = self._sign(
            peer.agency, batch_id, sequence, digest, error.code, (), event, consumed=consumed
        )
        if consumed and statement and signed:
            batches.advance(tx, peer.agency, sequence, digest)
            batches.put(tx, new_batch(statement, signed, digest, receipt, "refused", self._clock.now()))
        return receipt

    def _sign(
        self,
        agency: str,
        batch_id: bytes,
        sequence: int,
        digest: bytes,
        code: str,
        refusals: tuple[RecordRefusal, ...],
        event: bytes,
        *,
        consumed: bool,
    ) -> Signed:
        receipt = Receipt(
            hub=str(self._hub),
            agency=agency,
            batch_id=batch_id,
            sequence=sequence,
            statement_digest=digest,
            code=code,
            consumed=consumed,
            refusals=refusals,
            received=self._clock.now(),
            merge_delay=MERGE_DELAY,
            audit_event=event,
        )
        return sign(self._key, RECEIPT_TYPE, encode_receipt(receipt))


def new_batch(
    statement: BatchStatement,
    signed: Signed,
    digest: bytes,
    receipt: Signed,
    state: str,
    received: int,
    left_out: bytes = b"",
) -> NewBatch:
    """The row of a batch, as `indexed` or `refused`; `left_out` as in `NewBatch`."""
    return NewBatch(
        agency=statement.agency,
        batch_id=statement.batch_id,
        sequence=statement.sequence,
        digest=digest,
        statement=encode_signed(signed),
        domain=statement.domain,
        epoch=statement.epoch,
        state=state,
        received=received,
        receipt=encode_signed(receipt),
        left_out=left_out,
    )


def _readable(signed: Signed | None) -> BatchStatement | None:
    """The statement inside, if it can be read at all; for naming a refusal, never for believing it."""
    if signed is None:
        return None
    try:
        return decode_statement(signed.payload)
    except PasserelleError:
        return None
