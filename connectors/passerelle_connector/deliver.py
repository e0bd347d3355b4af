"""Delivery: batches to the hub one after the other, each kept until its signed receipt.

The steps of one connection; (3) to (6) repeat for each batch:

(1) the hub opens with this agency's position in the chain of batches;
(2) reconcile it with ours: equal, or exactly one batch ahead: the one in flight (its receipt was lost), or a
    statement that was refused without using up its number and arrived a second time, late;
(3) the batch in flight again, byte for byte; else the oldest closed one: sequence number, previous digest and
    signatures are made now, and stored before the first byte is sent;
(4) send;
(5) verify the receipt: the hub's pinned key, this agency, this batch, this statement;
(6) settle in one transaction: advance the chain, note refused records, drop the batch's contents.

Promises: at most one batch in flight; batches in the order of their closing; nothing is dropped without a
receipt; a batch that the hub took is never taken twice, since it repeats its stored receipt for a batch id it
knows. A refused batch that used up its number never blocks the next. One `Delivery` per store; not for
concurrent use.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from typing import Final

from passerelle.batch import batch_root, recipient_digest
from passerelle.clock import Clock
from passerelle.codec.statement import decode_receipt, encode_statement
from passerelle.errors import PasserelleError
from passerelle.identity import Identity
from passerelle.log import get_logger
from passerelle.record import (
    RECEIPT_TYPE,
    STATEMENT_TYPE,
    Batch,
    BatchStatement,
    Position,
    Receipt,
)
from passerelle.sign import Signed, SigningKey, sign
from passerelle_connector.model import ChainPosition, ClosedBatch, Reject
from passerelle_connector.peers import Peers
from passerelle_connector.ports import Healthy, HubPort, close_stream, quiet
from passerelle_connector.store import OutboxStore

_LOG: Final = get_logger("deliver")

ANOTHER_BATCH: Final = frozenset({"quota_exceeded", "batch_clock_skew", "policy_unavailable", "internal"})
"""Refusals that the same records may escape later: they wait for another batch."""

FULL: Final = frozenset({"hub_busy", "database_unavailable"})
"""What a hub says that has no room now."""

ANOTHER_PROTOCOL: Final = frozenset({"batch_epoch_wrong", "batch_normaliser_wrong", "batch_suite_unknown"})
"""Refusals that other tokens may escape: the rows are tokenised again."""


class Delivery:
    """Sends what the outbox has closed."""

    def __init__(
        self,
        connector: Identity,
        hub: Identity,
        store: OutboxStore,
        port: HubPort,
        key: Callable[[], SigningKey],
        peers: Peers,
        clock: Clock,
        chances: Callable[[], bytes] = bytes,
    ) -> None:
        """`key` is asked for each statement: which key signs changes with what the registry publishes.

        `chances` gives what was measured so far on the agency's own records.
        """
        self._connector = connector
        self._hub = hub
        self._store = store
        self._port = port
        self._key = key
        self._peers = peers
        self._clock = clock
        self._chances = chances
        self.closed = asyncio.Event()
        """Set by whoever closes a batch; wakes a delivery that waits for more."""
        self.answered: Callable[[int, int | None], None] = lambda _records, _took: None
        """Told of each answer: how many records, after how many microseconds; None where the hub was full."""

    async def run(self, *, until_empty: bool, healthy: Healthy = quiet) -> int:
        """One connection: deliver until the outbox is empty, or for ever; returns the batches settled.

        `healthy` is awaited whenever the hub and we agree: after (2) and after every (6).

        Raises:
            PasserelleError: `chain_diverged`, `receipt_invalid`, `batch_not_consumed`, a code of
                `ANOTHER_BATCH`, or what the port raises. All leave the outbox as safe as it was.
        """
        batches: asyncio.Queue[Batch] = asyncio.Queue(1)
        answers = self._port.submit(_drain(batches))
        settled = 0
        try:
            await self._reconcile(await _next(answers))
            await healthy()
            while (entry := await self._take(until_empty)) is not None:
                batch, signed = entry
                await batches.put(Batch(signed, batch.records, batch.keks))  # (4)
                answer = await self._answer(answers, len(batch.records))
                receipt, raw = self._verified(answer, batch, signed)
                await asyncio.to_thread(self._settle, batch, signed, receipt, raw)
                await healthy()
                settled += 1
        finally:
            await close_stream(answers)
        return settled

    async def _answer(self, answers: AsyncIterator[Position | Signed], records: int) -> Position | Signed:
        """The hub's answer to a batch just sent, and how long it took."""
        began = self._clock.now()
        try:
            answer = await _next(answers)
        except PasserelleError as fault:
            if fault.code in FULL:
                self.answered(records, None)
            raise
        self.answered(records, self._clock.now() - began)
        return answer

    async def _reconcile(self, answer: Position | Signed) -> None:
        """Steps 1 and 2."""
        if not isinstance(answer, Position):
            raise PasserelleError("receipt_invalid", "a receipt before the position")
        ours = await asyncio.to_thread(self._store.position)
        flight = await asyncio.to_thread(self._store.in_flight)
        if (answer.next_sequence, answer.previous) == (ours.sequence + 1, ours.digest):
            return
        if flight is not None and flight.signed is not None:
            ahead = (ours.sequence + 2, _digest(flight.signed))
            if (answer.next_sequence, answer.previous) == ahead:
                _LOG.info("receipt.lost", sequence=ours.sequence + 1)
                return
        if answer.next_sequence == ours.sequence + 2 and await asyncio.to_thread(
            self._resume, answer.previous
        ):
            return
        raise PasserelleError("chain_diverged", f"hub expects {answer.next_sequence}, we {ours.sequence + 1}")

    def _resume(self, digest: bytes) -> bool:
        """Put the statement that the hub took in flight again, so that it repeats its receipt."""
        attempt = self._store.attempt(digest)
        if attempt is None:
            return False
        number, signed = attempt
        sequence = self._store.position().sequence + 1
        self._store.mark_sent(number, sequence, signed)
        _LOG.info("statement.late", sequence=sequence)
        return True

    async def _take(self, until_empty: bool) -> tuple[ClosedBatch, Signed] | None:
        """Step 3; waits for a batch to be closed unless `until_empty`."""
        while True:
            self.closed.clear()
            batch = await asyncio.to_thread(self._prepare)
            if batch is not None or until_empty:
                return batch
            await self.closed.wait()

    def _prepare(self) -> tuple[ClosedBatch, Signed] | None:
        batch = self._store.in_flight()
        if batch is not None and batch.signed is not None:
            return batch, batch.signed
        batch = self._store.next_closed()
        if batch is None:
            return None
        statement = self._statement(batch, self._store.position())
        signed = sign(self._key(), STATEMENT_TYPE, encode_statement(statement))
        self._store.mark_sent(batch.number, statement.sequence, signed)
        return batch, signed

    def _statement(self, batch: ClosedBatch, position: ChainPosition) -> BatchStatement:
        protocol = batch.protocol
        return BatchStatement(
            audience=str(self._hub),
            agency=self._connector.agency,
            connector=str(self._connector),
            domain=protocol.domain,
            batch_id=batch.batch_id,
            sequence=position.sequence + 1,
            previous=position.digest,
            records=len(batch.records),
            root=batch_root([record.header for record in batch.records]),
            recipients=recipient_digest(batch.keks),
            epoch=protocol.epoch,
            normaliser=protocol.normaliser,
            catalogue=protocol.catalogue,
            created=self._clock.now(),
            chances=self._chances(),
        )

    def _verified(
        self, answer: Position | Signed, batch: ClosedBatch, signed: Signed
    ) -> tuple[Receipt, Signed]:
        """Step 5.

        Raises:
            PasserelleError: `receipt_invalid`; the batch stays in flight.
        """
        if not isinstance(answer, Signed):
            raise PasserelleError("receipt_invalid", "a position where a receipt was due")
        try:
            receipt = decode_receipt(self._peers.verify_hub(answer, RECEIPT_TYPE, self._clock.now()))
        except PasserelleError as error:
            raise PasserelleError("receipt_invalid", error.code) from error
        said = (receipt.hub, receipt.agency, receipt.batch_id, receipt.statement_digest)
        if said != (str(self._hub), self._connector.agency, batch.batch_id, _digest(signed)):
            raise PasserelleError("receipt_invalid", "it answers another batch")
        if receipt.accepted and not receipt.consumed:
            raise PasserelleError("receipt_invalid", "accepted without using up the number")
        if any(row.index >= len(batch.records) for row in receipt.refusals):
            raise PasserelleError("receipt_invalid", "a refusal beyond the last record")
        return receipt, answer

    def _settle(self, batch: ClosedBatch, signed: Signed, receipt: Receipt, raw: Signed) -> None:
        """Step 6.

        Raises:
            PasserelleError: `batch_not_consumed`, a code of `ANOTHER_BATCH`: worth a pause, nothing is lost.
        """
        if not receipt.consumed:
            self._store.unsend(batch.number, _digest(signed), signed)
            raise PasserelleError("batch_not_consumed", receipt.code)
        position = ChainPosition(self._store.position().sequence + 1, _digest(signed))
        refused = len(receipt.refusals) if receipt.accepted else len(batch.records)
        _LOG.info(
            "batch.receipted",
            batch_id=batch.batch_id.hex(),
            sequence=position.sequence,
            records=len(batch.records),
            refused=refused,
            code=receipt.code,
        )
        if receipt.code in ANOTHER_BATCH:
            self._store.requeue(batch.number, raw, receipt.code, position)
            raise PasserelleError(receipt.code, "the hub refused the batch")
        if receipt.code in ANOTHER_PROTOCOL:
            self._store.retokenise(batch.number, raw, receipt.code, position)
            return
        self._store.settle(batch.number, raw, receipt.code, position, _refused(batch, receipt))


def _refused(batch: ClosedBatch, receipt: Receipt) -> tuple[tuple[bytes, Reject], ...]:
    """Record ids with their rejects; all records where the batch as a whole was refused."""
    if not receipt.accepted:
        note = Reject("", receipt.code, "batch", True, receipt.received)
        return tuple((record_id, note) for record_id in batch.record_ids)
    return tuple(
        (batch.record_ids[row.index], Reject("", row.code, "record", True, receipt.received, row.reasons))
        for row in receipt.refusals
    )


def _digest(signed: Signed) -> bytes:
    return hashlib.sha256(signed.payload).digest()


async def _drain(batches: asyncio.Queue[Batch]) -> AsyncIterator[Batch]:
    while True:
        yield await batches.get()


async def _next(answers: AsyncIterator[Position | Signed]) -> Position | Signed:
    try:
        return await anext(answers)
    except StopAsyncIteration:
        raise PasserelleError("hub_unreachable", "the hub ended the stream") from None
