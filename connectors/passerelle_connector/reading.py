"""One reading of the source: rows in, sealed records in the outbox.

For each chunk of rows, at most a batch's worth, so that memory is bounded by the chunk:

(1) take the next rows of the source; what it rejects is noted;
(2) a reference met before in this reading is refused;
(3) a row whose content and protocol are those of the last revision is only noted as seen;
(4) prepare: normalise, mark, derive keys;
(5) tokenise;
(6) seal;
(7) make durable, in one transaction: records, rows, salts, warnings, rejects. What came before it can be
    lost and is done again, with fresh salts; what it holds is never done again.

The first chunks are small and go out at once, so that a partner sees what comes of its data within seconds;
they double up to a batch's worth, since large requests to the trustees cost less a token.

A failure at (5) ends the reading; rows already in the outbox are unchanged rows of the next one. Only a
reading that met every row of the source is complete; vanished rows follow from complete readings alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final

from passerelle.clock import Clock
from passerelle.log import get_logger
from passerelle.record import ID_BYTES
from passerelle_connector.model import KnownRow, OutgoingRecord, Random, Reject, TokenProtocol
from passerelle_connector.outbox import Outbox
from passerelle_connector.prepare import Preparation, Prepared
from passerelle_connector.sealing import Sealer
from passerelle_connector.sources import RawRow, RejectedRow, Source
from passerelle_connector.store import RowStore
from passerelle_connector.tokenise import Tokeniser

_LOG: Final = get_logger("reading")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a reading did: rows met, records put into the outbox, rows or files refused, all seen."""

    rows: int = 0
    records: int = 0
    refused: int = 0
    complete: bool = True

    def plus(self, other: Outcome) -> Outcome:
        """Both together."""
        return Outcome(
            self.rows + other.rows,
            self.records + other.records,
            self.refused + other.refused,
            self.complete and other.complete,
        )


_FIRST_ROWS: Final = 25


def _take(items: Iterator[RawRow | RejectedRow], size: int) -> list[RawRow | RejectedRow]:
    return list(islice(items, size))


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Rows of one chunk after steps 1 to 4."""

    outcome: Outcome
    seen: tuple[str, ...]
    notes: tuple[Reject, ...]
    ready: tuple[tuple[Prepared, KnownRow], ...]


class Reader:
    """Reads the source into the outbox. Not for concurrent use."""

    def __init__(
        self,
        source: Source,
        preparation: Preparation,
        tokeniser: Tokeniser,
        sealer: Sealer,
        rows: RowStore,
        outbox: Outbox,
        protocol: TokenProtocol,
        clock: Clock,
        random: Random,
        chunk_rows: int,
    ) -> None:
        self._source = source
        self._preparation = preparation
        self._tokeniser = tokeniser
        self._sealer = sealer
        self._rows = rows
        self._outbox = outbox
        self._protocol = protocol
        self._clock = clock
        self._random = random
        self._chunk_rows = chunk_rows

    async def read(self) -> Outcome:
        """Read everything once; the last batch is closed however small it is.

        Raises:
            PasserelleError: `source_unreadable`, `trustees_unavailable`.
        """
        run = await asyncio.to_thread(self._rows.start_run, self._clock.now())
        items = self._source.records(0)
        total, size = Outcome(), min(_FIRST_ROWS, self._chunk_rows)
        while part := await asyncio.to_thread(_take, items, size):  # (1)
            chunk = await asyncio.to_thread(self._prepare, part, run)
            tokens = await self._tokeniser.tokenise([ready.keys for ready, _ in chunk.ready])  # (5)
            await asyncio.to_thread(self._keep, chunk, tokens, run)
            total = total.plus(chunk.outcome)
            await asyncio.to_thread(self._outbox.close, flush=size < self._chunk_rows)
            size = min(2 * size, self._chunk_rows)
        await asyncio.to_thread(self._outbox.close, flush=True)
        await asyncio.to_thread(self._rows.finish_run, run, self._clock.now(), complete=total.complete)
        _LOG.info("source.read", records=total.records, refused=total.refused, size=total.rows)
        return total

    def _prepare(self, part: Sequence[RawRow | RejectedRow], run: int) -> _Chunk:
        now = self._clock.now()
        raws = [item for item in part if isinstance(item, RawRow)]
        known = self._rows.known([raw.reference for raw in raws])
        notes = [
            Reject(item.reference, item.code, item.target, True, now)
            for item in part
            if isinstance(item, RejectedRow)
        ]
        complete = not notes
        refused = len(notes)
        seen: dict[str, None] = {}
        ready: list[tuple[Prepared, KnownRow]] = []
        protocol = str(self._protocol)
        for raw in raws:
            before = known.get(raw.reference)
            if raw.reference in seen or (before is not None and before.seen_run == run):  # (2)
                notes.append(Reject(raw.reference, "row_reference_repeated", "", True, now))
                refused += 1
                continue
            seen[raw.reference] = None
            if before is not None and (before.digest, before.protocol) == (raw.digest, protocol):  # (3)
                continue
            prepared = self._preparation.prepare(raw, now)  # (4)
            if isinstance(prepared, Prepared):
                ready.append((prepared, self._revision(raw, before, run)))
            else:
                notes.extend(prepared.notes)
                refused += 1
        outcome = Outcome(len(part), len(ready), refused, complete)
        return _Chunk(outcome, tuple(seen), tuple(notes), tuple(ready))

    def _revision(self, raw: RawRow, before: KnownRow | None, run: int) -> KnownRow:
        """What will be known of the row: the first revision under a fresh id, or the next."""
        if before is None:
            record_id = self._random(ID_BYTES)
            return KnownRow(raw.reference, record_id, 1, raw.digest, str(self._protocol), run)
        return replace(
            before,
            revision=before.revision + 1,
            digest=raw.digest,
            protocol=str(self._protocol),
            seen_run=run,
        )

    def _keep(self, chunk: _Chunk, tokens: Sequence[Sequence[tuple[int, bytes]]], run: int) -> None:
        records: list[OutgoingRecord] = []
        notes = list(chunk.notes)
        for (prepared, row), mine in zip(chunk.ready, tokens, strict=True):
            records.append(self._sealer.seal(prepared, row, mine))  # (6)
            notes.extend(prepared.notes)
        self._outbox.put(records, notes, seen=chunk.seen, run=run)  # (7)
