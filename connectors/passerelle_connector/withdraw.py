"""Withdrawals: rows that are out at the hub and should not be any more.

Why a row departs:

- *vanished*: a complete reading did not meet it. Incremental readings and readings with an unreadable file
  or row tell nothing of what they did not meet;
- *refused*: it has changed, and the connector refuses it by now (a person under twelve, a marking outside
  its vocabulary): its earlier revision must not stay;
- *by hand*, by the partner's own reference. Such a row is held: it is not put again until it is released.

The steps after a reading:

(1) count what departs. More than the guard allows looks like a fault of the source rather than a change of
    it: nothing is withdrawn, `source_shrank` says so, and a person confirms or mends the source;
(2) part by part: a header of action *withdraw*, with the next revision and without tokens or sections, goes
    into the outbox, in one transaction with the row's new state;
(3) delivery sends it; with the receipt the salts are shredded (`OutboxStore.settle`), so that the sections
    cannot be opened again, not even by their owner.

A row that comes back is put as the next revision of the same record. Failed at (2): the rows depart at the
next reading. Memory: one part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from passerelle.clock import Clock
from passerelle.log import get_logger
from passerelle_connector.model import KnownRow, OutgoingRecord, Random, RowState, TokenProtocol, Wait
from passerelle_connector.sealing import withdrawal
from passerelle_connector.store import OutboxStore, RowStore, WaitStore

_LOG: Final = get_logger("withdraw")
_PART: Final = "withdraw"
_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Guard:
    """What may depart unasked: fewer than `rows`, or at most that `share` (0 to 1) of what is out."""

    share: float = 0.2
    rows: int = 10

    def holds(self, departing: int, out: int) -> bool:
        """Whether so many of what is out are too many to withdraw without a person's word."""
        return departing >= self.rows and departing > self.share * out


@dataclass(frozen=True, slots=True)
class Departure:
    """Rows withdrawn, and rows that wait for a person's word."""

    withdrawn: int = 0
    held_back: int = 0


@dataclass(frozen=True, slots=True)
class ByHand:
    """What became of references: withdrawn (or released) by number, and those without such a row."""

    done: int
    unknown: tuple[str, ...]


class Withdrawer:
    """Puts withdrawals into the outbox; whoever reads next closes their batch. Blocking."""

    def __init__(
        self,
        rows: RowStore,
        outbox: OutboxStore,
        waits: WaitStore,
        protocol: TokenProtocol,
        guard: Guard,
        clock: Clock,
        random: Random,
    ) -> None:
        self._rows = rows
        self._outbox = outbox
        self._waits = waits
        self._protocol = str(protocol)
        self._guard = guard
        self._clock = clock
        self._random = random

    def after_reading(self, run: int, *, complete: bool) -> Departure:
        """Withdraw what a reading showed to depart, unless the guard holds it back."""
        whole = run if complete else None
        departing = self._rows.departing(whole)
        if self._guard.holds(departing, self._rows.out()):  # (1)
            _LOG.warning("waits", job=_PART, code="source_shrank", records=departing)
            self._waits.note(Wait(_PART, "source_shrank", self._clock.now()))
            return Departure(held_back=departing)
        if complete:
            self._waits.clear(_PART)
        return Departure(withdrawn=self._depart(whole))

    def confirmed(self) -> int:
        """Withdraw all that departs by the newest complete reading, however much; returns how many rows."""
        done = self._depart(self._rows.last_complete_run())
        self._waits.clear(_PART)
        return done

    def by_reference(self, references: Sequence[str]) -> ByHand:
        """Withdraw these rows and hold them; a row that is withdrawn already is held from now on."""
        done, unknown = 0, list[str]()
        for at in range(0, len(references), _AT_ONCE):
            part = dict.fromkeys(references[at : at + _AT_ONCE])
            known = self._rows.known(list(part))
            unknown.extend(reference for reference in part if reference not in known)
            self._put([row for row in known.values() if row.state is not RowState.HELD], RowState.HELD)
            done += len(known)
        return ByHand(done, tuple(unknown))

    def release(self, references: Sequence[str]) -> int:
        """Let rows that were withdrawn by hand be put again; returns how many of them were held."""
        return self._rows.release(references)

    def _depart(self, run: int | None) -> int:
        done = 0
        while part := self._rows.next_departing(run, _AT_ONCE):  # (2)
            self._put(part, RowState.WITHDRAWN)
            done += len(part)
        return done

    def _put(self, rows: Sequence[KnownRow], state: RowState) -> None:
        headers = self._rows.headers([row.record_id for row in rows])
        now = self._clock.now()
        records: list[OutgoingRecord] = []
        for row in rows:
            gone = replace(row, revision=row.revision + 1, protocol=self._protocol, state=state)
            sealed = withdrawal(headers[row.record_id], gone, now, self._random)
            records.append(OutgoingRecord(gone, sealed, ()))
        self._outbox.put(records)
