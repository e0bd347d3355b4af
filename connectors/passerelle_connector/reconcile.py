"""Reconciliation: what receipts say the hub holds, compared with what the hub says; a difference is healed.

(1) our holdings and our place in the chain, of one instant;
(2) the hub's, signed, with what of ours is too common to count, which is kept for `status`; another place in
    the chain means that a batch is under way: not now;
(3) buckets whose digests agree are done; those that differ are listed, some at a time;
(4) per record:
    - we hold it, the hub has lost it or has another revision: the row is tokenised and sent again, with a
      revision beyond any that the hub knows;
    - we hold it, the hub let it expire: it is not held any more, and not sent again;
    - the hub has it and we do not know it, or withdrew it: it is withdrawn, once more where need be;
    - the hub has it and the row is out: the hub's word is taken;
(5) more unknown records than the guard allows look like a store restored from an old copy: they are left
    alone until a person confirms.

What was healed is sent by the next reading and delivery like everything else. Failed anywhere: what was done
stays right, the rest is found again. Memory: the holdings of `_GROUP` buckets, and what is to be withdrawn.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from passerelle.clock import Clock
from passerelle.codec.holdings import decode_digest, decode_list
from passerelle.errors import PasserelleError
from passerelle.holdings import (
    DIGEST_TYPE,
    LIST_TYPE,
    NONCE_BYTES,
    Comparison,
    Holding,
    HoldingsDigest,
    HoldingsList,
    HoldingState,
    Selection,
)
from passerelle.identity import Identity
from passerelle.log import get_logger
from passerelle_connector.model import (
    ChainPosition,
    KnownRow,
    OutgoingRecord,
    Random,
    RowState,
    TokenProtocol,
    Wait,
)
from passerelle_connector.peers import Peers
from passerelle_connector.ports import HoldingsPort
from passerelle_connector.sealing import withdrawal
from passerelle_connector.store import HoldingStore, OutboxStore, RowStore, WaitStore
from passerelle_connector.strangers import bare_header, stranger
from passerelle_connector.withdraw import Guard

_LOG: Final = get_logger("reconcile")
_PART: Final = "holdings"
_GROUP: Final = 16
_AT_ONCE: Final = 500
_OUT: Final = frozenset({RowState.ACTIVE, RowState.REFUSED})


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What became of one reconciliation, in records.

    `compared` is False where batches were under way. `again` are sent again, `withdrawn` as said in (4),
    `expired` not held any more, `taken` held by the hub's word alone, `unexplained` left alone by (5).
    """

    compared: bool
    again: int = 0
    withdrawn: int = 0
    expired: int = 0
    taken: int = 0
    unexplained: int = 0

    @property
    def agreed(self) -> bool:
        """Both sides were compared, and nothing was left to send; else the comparison is made again soon."""
        return self.compared and not self.again and not self.withdrawn


@dataclass(slots=True)
class _Findings:
    """What step 4 found in some buckets."""

    held: list[Holding] = field(default_factory=list[Holding])
    gone: list[bytes] = field(default_factory=list[bytes])
    again: list[tuple[bytes, int]] = field(default_factory=list[tuple[bytes, int]])
    unknown: list[Holding] = field(default_factory=list[Holding])
    expired: int = 0


class Reconciliation:
    """Compares and heals. Not for concurrent use."""

    def __init__(
        self,
        agency: str,
        hub: Identity,
        holdings: HoldingStore,
        rows: RowStore,
        outbox: OutboxStore,
        waits: WaitStore,
        port: HoldingsPort,
        peers: Peers,
        protocol: TokenProtocol,
        guard: Guard,
        clock: Clock,
        random: Random,
    ) -> None:
        self._agency = agency
        self._hub = hub
        self._holdings = holdings
        self._rows = rows
        self._outbox = outbox
        self._waits = waits
        self._port = port
        self._peers = peers
        self._protocol = str(protocol)
        self._guard = guard
        self._clock = clock
        self._random = random

    async def run(self, *, confirmed: bool = False) -> Reconciled:
        """One reconciliation; `confirmed` is a person's word for (5).

        Raises:
            PasserelleError: `reconcile_answer_invalid`, or what the port raises.
        """
        position, summary = await asyncio.to_thread(self._holdings.snapshot)  # (1)
        question = Comparison(self._random(NONCE_BYTES), position.sequence + 1, summary)
        said = await self._ask_digest(question)  # (2)
        await asyncio.to_thread(self._holdings.keep_common, said.common)
        done = Reconciled(compared=True)
        if not _same_place(said, position):
            return Reconciled(compared=False)
        differing, unknown = said.summary.differing(summary), list[Holding]()
        for at in range(0, len(differing), _GROUP):  # (3)
            group = differing[at : at + _GROUP]
            theirs = await self._ask_list(bytes(group), position)
            if theirs is None:
                return replace(done, compared=False)
            found = await asyncio.to_thread(self._find, group, theirs)  # (4)
            if not await asyncio.to_thread(self._mend, position, found):
                return replace(done, compared=False)
            unknown += found.unknown
            done = replace(
                done,
                again=done.again + len(found.again),
                expired=done.expired + found.expired,
                taken=done.taken + len(found.held),
            )
        return await asyncio.to_thread(self._end, done, unknown, said.summary.count, confirmed)

    async def _ask_digest(self, question: Comparison) -> HoldingsDigest:
        signed = await self._port.reconcile(question)
        try:
            said = decode_digest(self._peers.verify_hub(signed, DIGEST_TYPE, self._clock.now()))
        except PasserelleError as error:
            raise PasserelleError("reconcile_answer_invalid", error.code) from error
        self._check(said, question.nonce)
        return said

    async def _ask_list(self, buckets: bytes, position: ChainPosition) -> list[Holding] | None:
        """All of some buckets, page by page; None where a batch came between."""
        found: list[Holding] = []
        while True:
            question = Selection(self._random(NONCE_BYTES), buckets, found[-1].record_id if found else b"")
            signed = await self._port.reconcile(question)
            try:
                said = decode_list(self._peers.verify_hub(signed, LIST_TYPE, self._clock.now()))
            except PasserelleError as error:
                raise PasserelleError("reconcile_answer_invalid", error.code) from error
            self._check(said, question.nonce)
            if not _same_place(said, position):
                return None
            ids = [one.record_id for one in said.records]
            if any(item <= question.after or item[0] not in buckets for item in ids):
                raise PasserelleError("reconcile_answer_invalid", "records that were not asked for")
            found += said.records
            if not said.more:
                return found

    def _check(self, said: HoldingsDigest | HoldingsList, nonce: bytes) -> None:
        if (said.hub, said.agency, said.nonce) != (str(self._hub), self._agency, nonce):
            raise PasserelleError("reconcile_answer_invalid", "it answers another question")

    def _find(self, buckets: Sequence[int], theirs: Sequence[Holding]) -> _Findings:
        """Step 4: what differs, and what is to be done about it."""
        ours, found = self._holdings.listed(buckets), _Findings()
        there = {one.record_id: one for one in theirs}
        for record_id in ours.keys() - there.keys():
            found.gone.append(record_id)
            found.again.append((record_id, 0))
        for record_id in ours.keys() & there.keys():
            _held_by_both(found, there[record_id], ours[record_id])
        extra = [one for one in theirs if one.state is HoldingState.ACTIVE and one.record_id not in ours]
        for at in range(0, len(extra), _AT_ONCE):
            part = extra[at : at + _AT_ONCE]
            self._held_by_hub(found, part, self._rows.by_record([one.record_id for one in part]))
        return found

    def _held_by_hub(
        self, found: _Findings, part: Sequence[Holding], known: Mapping[bytes, KnownRow]
    ) -> None:
        waiting = self._holdings.waiting([one.record_id for one in part])
        for one in part:
            row = known.get(one.record_id)
            if row is not None and row.state in _OUT:
                found.held.append(one)
                if row.revision < one.revision:  # our store is older than the hub's
                    found.again.append((one.record_id, one.revision))
            elif one.record_id not in waiting:
                found.unknown.append(one)

    def _mend(self, position: ChainPosition, found: _Findings) -> bool:
        return self._holdings.mend(position, found.held, found.gone, found.again)

    def _end(self, done: Reconciled, unknown: Sequence[Holding], held: int, confirmed: bool) -> Reconciled:
        """Step 5, then the withdrawals."""
        if not confirmed and self._guard.holds(len(unknown), held):
            self._waits.note(Wait(_PART, "holdings_unexplained", self._clock.now()))
            done = replace(done, unexplained=len(unknown))
        else:
            self._waits.clear(_PART)
            for at in range(0, len(unknown), _AT_ONCE):
                self._withdraw(unknown[at : at + _AT_ONCE])
            done = replace(done, withdrawn=len(unknown))
        _LOG.info("reconciled", records=done.again, refused=done.unexplained, size=held)
        return done

    def _withdraw(self, part: Sequence[Holding]) -> None:
        known = self._rows.by_record([one.record_id for one in part])
        headers = self._rows.headers([one.record_id for one in part])
        now, records = self._clock.now(), list[OutgoingRecord]()
        for one in part:
            row = known.get(one.record_id) or stranger(one)
            header = headers.get(one.record_id) or bare_header(self._agency, one)
            gone = replace(row, revision=max(row.revision, one.revision) + 1, protocol=self._protocol)
            records.append(OutgoingRecord(gone, withdrawal(header, gone, now, self._random), ()))
        self._outbox.put(records)


def _held_by_both(found: _Findings, there: Holding, revision: int) -> None:
    if there.state is HoldingState.EXPIRED:
        found.gone.append(there.record_id)
        found.expired += 1
    elif there.state is HoldingState.WITHDRAWN:
        found.gone.append(there.record_id)
        found.again.append((there.record_id, there.revision))
    elif there.revision != revision:
        found.held.append(there)
        found.again.append((there.record_id, there.revision))


def _same_place(said: HoldingsDigest | HoldingsList, position: ChainPosition) -> bool:
    return (said.position.next_sequence, said.position.previous) == (
        position.sequence + 1,
        position.digest,
    )
