"""One reading of the source: rows in, sealed records in the outbox.

For each chunk of rows, at most a batch's worth, so that memory is bounded by the chunk:

(1) take the next rows of the source; what it rejects is noted;
(2) a reference met before in this reading is refused;
(3) a row whose content and protocol are those of the last revision is only noted as seen;
(4) prepare: normalise, mark, derive keys; the census counts what is under no embargo;
(5) tokenise;
(6) seal;
(7) make durable, in one transaction: records, rows, salts, warnings, rejects. What came before it can be
    lost and is done again, with fresh salts; what it holds is never done again;

and at the end, in this order: (8) withdraw what departs (`withdraw`), (9) close the last batch, (10) note the
end of the reading and the source's bookmark. Failed before (10), the next reading begins where this one did.

The first chunks are small and go out at once, so that a partner sees what comes of its data within seconds;
they double up to a batch's worth, since large requests to the trustees cost less a token.

A failure at (5) ends the reading; rows already in the outbox are unchanged rows of the next one. Only a
reading that met every row of the source is complete; vanished rows follow from complete readings alone. A
reading that begins at a bookmark is not complete. A row that was withdrawn by hand is met and left alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final

from passerelle.clock import Clock
from passerelle.log import get_logger
from passerelle.record import ID_BYTES
from passerelle_connector.census import Census
from passerelle_connector.model import (
    KnownRow,
    OutgoingRecord,
    Random,
    Reject,
    RowState,
    TokenProtocol,
)
from passerelle_connector.outbox import Outbox
from passerelle_connector.prepare import Preparation, Prepared
from passerelle_connector.sealing import Sealer
from passerelle_connector.sources import Bookmark, Item, RawRow, RejectedRow, Source
from passerelle_connector.store import RowStore
from passerelle_connector.tokenise import Tokeniser
from passerelle_connector.withdraw import Withdrawer

_LOG: Final = get_logger("reading")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a reading did: rows met, records put into the outbox, rows or files refused, all seen.

    `withdrawn` are rows that departed, `held_back` those that wait for a person's word before they do.
    """

    rows: int = 0
    records: int = 0
    refused: int = 0
    complete: bool = True
    withdrawn: int = 0
    held_back: int = 0

    def plus(self, other: Outcome) -> Outcome:
        """Both together."""
        return Outcome(
            self.rows + other.rows,
            self.records + other.records,
            self.refused + other.refused,
            self.complete and other.complete,
            self.withdrawn + other.withdrawn,
            self.held_back + other.held_back,
        )


_FIRST_ROWS: Final = 25


def _take(items: Iterator[Item], size: int) -> list[Item]:
    return list(islice(items, size))


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Rows of one chunk after steps 1 to 4."""

    outcome: Outcome
    seen: tuple[str, ...]
    notes: tuple[Reject, ...]
    ready: tuple[tuple[Prepared, KnownRow], ...]
    refused: tuple[str, ...]
    bookmark: str


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
        withdrawer: Withdrawer,
        protocol: TokenProtocol,
        clock: Clock,
        random: Random,
        chunk_rows: int,
        source_name: str,
        census: Census,
    ) -> None:
        """`source_name` tells this source, as configured, from every other: bookmarks are kept by it."""
        self._source = source
        self._source_name = source_name
        self._withdrawer = withdrawer
        self._preparation = preparation
        self._tokeniser = tokeniser
        self._sealer = sealer
        self._rows = rows
        self._outbox = outbox
        self._protocol = protocol
        self._clock = clock
        self._random = random
        self._chunk_rows = chunk_rows
        self._census = census

    async def read(self) -> Outcome:
        """Read everything once; the last batch is closed however small it is.

        Raises:
            PasserelleError: `source_unreadable`, `trustees_unavailable`.
        """
        run, since = await asyncio.to_thread(self._begin)
        items = self._source.records(since)
        total, size, bookmark = Outcome(complete=not since), min(_FIRST_ROWS, self._chunk_rows), ""
        try:
            while part := await asyncio.to_thread(_take, items, size):  # (1)
                chunk = await asyncio.to_thread(self._prepare, part, run)
                tokens = await self._tokeniser.tokenise([ready.keys for ready, _ in chunk.ready])  # (5)
                await asyncio.to_thread(self._keep, chunk, tokens, run)
                total, bookmark = total.plus(chunk.outcome), chunk.bookmark
                await asyncio.to_thread(self._outbox.close, flush=size < self._chunk_rows)
                size = min(2 * size, self._chunk_rows)
        finally:
            if isinstance(items, Generator):  # a source may hold a connection open
                await asyncio.to_thread(items.close)
        total = await asyncio.to_thread(self._end, run, total, since, bookmark)
        _LOG.info("source.read", records=total.records, refused=total.refused, size=total.rows)
        return total

    def _begin(self) -> tuple[int, str]:
        """The number of this reading, and the bookmark it begins at."""
        self._outbox.adopt_withdrawals(str(self._protocol))
        since = self._rows.bookmark(self._source_name, str(self._protocol))
        return self._rows.start_run(self._clock.now()), since

    def _end(self, run: int, total: Outcome, since: str, bookmark: str) -> Outcome:
        departed = self._withdrawer.after_reading(run, complete=total.complete)  # (8)
        self._outbox.close(flush=True)  # (9)
        self._rows.finish_run(  # (10)
            run,
            self._clock.now(),
            complete=total.complete,
            incremental=bool(since),
            bookmark=(self._source_name, bookmark),
        )
        return replace(total, withdrawn=departed.withdrawn, held_back=departed.held_back)

    def _prepare(self, part: Sequence[Item], run: int) -> _Chunk:
        now = self._clock.now()
        raws = [item for item in part if isinstance(item, RawRow)]
        known = self._rows.known([raw.reference for raw in raws])
        rejected = [item for item in part if isinstance(item, RejectedRow)]
        notes = [Reject(item.reference, item.code, item.target, True, now) for item in rejected]
        complete = not notes
        refused = len(notes)
        barred = [item.reference for item in rejected if item.code == "row_marking_invalid"]
        seen: dict[str, None] = dict.fromkeys(barred)
        ready: list[tuple[Prepared, KnownRow]] = []
        protocol = str(self._protocol)
        for raw in raws:
            before = known.get(raw.reference)
            if raw.reference in seen or (before is not None and before.seen_run == run):  # (2)
                notes.append(Reject(raw.reference, "row_reference_repeated", "", True, now))
                refused += 1
                continue
            seen[raw.reference] = None
            if before is not None and _settled(before, raw, protocol):  # (3)
                continue
            prepared = self._preparation.prepare(raw, now)  # (4)
            if isinstance(prepared, Prepared):
                if not prepared.marking.embargoed:
                    self._census.add(prepared.subject)
                ready.append((prepared, self._revision(raw, before, run)))
            else:
                notes.extend(prepared.notes)
                barred.append(raw.reference)
                refused += 1
        outcome = Outcome(len(raws) + len(rejected), len(ready), refused, complete)
        bookmark = next((item.value for item in part if isinstance(item, Bookmark)), "")
        return _Chunk(outcome, tuple(seen), tuple(notes), tuple(ready), tuple(barred), bookmark)

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
            state=RowState.ACTIVE,
        )

    def _keep(self, chunk: _Chunk, tokens: Sequence[Sequence[tuple[int, bytes]]], run: int) -> None:
        records: list[OutgoingRecord] = []
        notes = list(chunk.notes)
        for (prepared, row), mine in zip(chunk.ready, tokens, strict=True):
            records.append(self._sealer.seal(prepared, row, mine))  # (6)
            notes.extend(prepared.notes)
        self._outbox.put(records, notes, chunk.seen, run, chunk.refused)  # (7)


def _settled(before: KnownRow, raw: RawRow, protocol: str) -> bool:
    """Whether nothing is to be done about a row: it is out as it is, or held back by hand."""
    same = (before.digest, before.protocol) == (raw.digest, protocol)
    return before.state is RowState.HELD or (before.state is RowState.ACTIVE and same)
