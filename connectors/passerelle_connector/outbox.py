"""The outbox: sealed records, made durable, gathered into batches.

A batch is fixed when it is closed: its records, its id, its key-encryption keys and wraps. Sequence number
and signature come later, at the moment of sending (`deliver`).

Durable writes, each one SQLite transaction (write-ahead log, `synchronous=FULL`), and what a crash does to
it:

| write | failed and lost | failed but persisted |
|---|---|---|
| `put`: rows, salts, records, notes | sealed again, fresh salts | the next reading finds them unchanged |
| `put`: withdrawals | the rows still depart at the next reading | the rows have departed |
| `close`: batch, wraps | the records wait; new keys next time | delivered; the keys were used once |
| `mark_sent`: signed statement | nothing was sent; made again | sent, perhaps again, byte for byte |
| `settle`, `requeue`, `retokenise` | sent again; the hub repeats its receipt | done |
| `unsend`: statement put aside | the same statement is refused again | a new statement is made |
| `TokenCache.add` | evaluated again, billed again | known |
| `InboxStore.add` | not acknowledged, so sent again | sent again, known by its number |
| `RowStore.start_run`, `finish_run` | the reading does not count as complete | done |
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Final

from passerelle.clock import Clock
from passerelle.record import ID_BYTES, MAX_BATCH_BYTES, SealedRecord
from passerelle_connector.batch_size import BatchSize
from passerelle_connector.model import OutgoingRecord, PendingRecord, Random, Reject
from passerelle_connector.sealing import BatchKeyMaker
from passerelle_connector.store import OutboxStore

_WRAP_BYTES: Final = 160  # one section key under one recipient's key, with names


class Outbox:
    """Takes sealed records and closes batches, of `batch_records` at most (`size`). One writer."""

    def __init__(
        self, store: OutboxStore, keys: BatchKeyMaker, batch_records: int, clock: Clock, random: Random
    ) -> None:
        self._store = store
        self._keys = keys
        self.size = BatchSize(batch_records)
        self._clock = clock
        self._random = random
        self._closed: Callable[[], None] = lambda: None

    def on_closed(self, wake: Callable[[], None]) -> None:
        """Call this whenever a batch was closed; it is called from the closing thread."""
        self._closed = wake

    def put(
        self,
        records: Sequence[OutgoingRecord],
        notes: Sequence[Reject],
        seen: Sequence[str],
        run: int,
        refused: Sequence[str] = (),
    ) -> None:
        """Make records and notes durable; note which known rows the reading met, and which it refused."""
        self._store.put(records, notes, seen, run, refused)

    def adopt_withdrawals(self, protocol: str) -> None:
        """Let withdrawals that wait travel with the records of today's protocol."""
        self._store.adopt_withdrawals(protocol)

    def close(self, *, flush: bool) -> int:
        """Close full batches, with `flush` the last incomplete one too; returns how many.

        Raises:
            PasserelleError: `recipient_unknown`.
        """
        closed = 0
        while True:
            most = self.size.records
            found = self._store.waiting(most)
            records = _within_bytes(found, self._keys.recipients)
            if not records or not (flush or len(records) < len(found) or len(found) == most):
                return closed
            batch_id = self._random(ID_BYTES)
            keys = self._keys.make(batch_id, records)
            if self._store.close(batch_id, self._clock.now(), records, keys):
                closed += 1
                self._closed()


def _within_bytes(records: Sequence[PendingRecord], recipients: int) -> Sequence[PendingRecord]:
    """As many records as fit into half of what the hub takes at once; at least one."""
    sizes = accumulate(_size(record.sealed, recipients) for record in records)
    fitting = sum(1 for size in sizes if size <= MAX_BATCH_BYTES // 2)
    return records[: max(fitting, 1)]


def _size(record: SealedRecord, recipients: int) -> int:
    bodies = sum(len(section.ciphertext) for section in record.sections)
    wraps = _WRAP_BYTES * recipients * len(record.sections)
    return len(record.header) + len(record.tokens) + 8 * len(record.kinds) + bodies + wraps
