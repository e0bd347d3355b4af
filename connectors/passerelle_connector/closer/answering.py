"""Answers to closer looks, in the background: what the hub asks, read from the source, tokenised, sent.

(1) the questions that wait; those about a record whose row has changed since are left to lapse;
(2) the rows, from the source, as long as their content is that of the record: no copy of a name is kept for
    this;
(3) the pieces of their fields become tokens under the nonce, through the trustees; no cache remembers them;
(4) the answer; the tokens of a field are sorted, so that they tell nothing of its order.

Off unless the configuration sets `closer_seconds`: an agency that does not answer is linked by the first
stage alone. Failed anywhere: unanswered questions are asked again at the next round.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Final, Protocol

from passerelle.closer import PIECE_KIND, Answer, Question, piece_value
from passerelle.errors import PasserelleError
from passerelle.groups import Group
from passerelle.log import get_logger
from passerelle.oprf.inputs import oprf_input
from passerelle.rpc.leaf import Healthy
from passerelle_connector.closer.pieces import pieces
from passerelle_connector.model import KnownRow, RowState, TokenProtocol
from passerelle_connector.normalise import Settings, normalise
from passerelle_connector.sources import RawRow, Source
from passerelle_connector.store import RowStore
from passerelle_connector.tokenise import Tokeniser

_LOG: Final = get_logger("closer")
Pieces = Mapping[str, tuple[str, ...]]


class CloserPort(Protocol):
    """The hub's Closer."""

    async def questions(self) -> tuple[Question, ...]:
        """What waits for this agency.

        Raises:
            PasserelleError: the hub's code, or `peer_unavailable`, `peer_timeout`.
        """
        ...

    async def answer(self, answer: Answer) -> None:
        """One answer.

        Raises:
            PasserelleError: `closer_question_unknown`, the hub's code, `peer_unavailable`, `peer_timeout`.
        """
        ...


class Answering:
    """Answers closer looks. `seconds` lie between two rounds. Not for concurrent use."""

    def __init__(
        self,
        *,
        port: CloserPort,
        source: Source,
        rows: RowStore,
        settings: Settings,
        tokeniser: Tokeniser,
        protocol: TokenProtocol,
        seconds: float,
    ) -> None:
        self._port = port
        self._source = source
        self._rows = rows
        self._settings = settings
        self._tokeniser = tokeniser
        self._protocol = protocol
        self._seconds = seconds

    async def run(self, healthy: Healthy) -> None:
        """One round, then a pause.

        Raises:
            PasserelleError: what the ports or the source raise.
        """
        await self.answer_once()
        await healthy()
        await asyncio.sleep(self._seconds)

    async def answer_once(self) -> int:
        """Answer what waits; returns how many questions were answered.

        Raises:
            PasserelleError: what the ports or the source raise.
        """
        questions = await self._port.questions()  # (1)
        done = 0
        async for question, cut in self._found(questions):
            try:
                await self._port.answer(Answer(question.nonce, await self._tokens(question, cut)))  # (4)
            except PasserelleError as error:
                if error.code != "closer_question_unknown":
                    raise
                continue
            done += 1
        if questions:
            _LOG.info("closer.answered", size=done)
        return done

    async def _found(self, questions: Sequence[Question]) -> AsyncIterator[tuple[Question, Pieces]]:
        """Steps 1 and 2: questions with the pieces of their records; a record may stand in several."""
        if not questions:
            return
        cut = await asyncio.to_thread(self._cut, [one.record_id for one in questions])
        for question in questions:
            if (question.record_id, question.revision) in cut:
                yield question, cut[question.record_id, question.revision]

    def _cut(self, record_ids: Sequence[bytes]) -> dict[tuple[bytes, int], Pieces]:
        known = self._rows.by_record(record_ids)
        wanted = {row.reference: row for row in known.values() if self._stands(row)}
        found: dict[tuple[bytes, int], Pieces] = {}
        for item in self._source.records("") if wanted else ():
            row = wanted.get(item.reference) if isinstance(item, RawRow) else None
            if row is not None and isinstance(item, RawRow) and item.digest == row.digest:
                subject = normalise(item.fields, self._settings).subject
                found[row.record_id, row.revision] = pieces(subject)
                if len(found) == len(wanted):
                    break
        return found

    def _stands(self, row: KnownRow) -> bool:
        return row.state is RowState.ACTIVE and row.protocol == str(self._protocol)

    async def _tokens(self, question: Question, cut: Pieces) -> dict[str, tuple[bytes, ...]]:
        """Step 3: all fields in one request."""
        place = self._protocol
        values = [
            (field, piece_value(question.nonce, field, one)) for field, own in cut.items() for one in own
        ]
        inputs = [
            oprf_input(place.domain, place.epoch, PIECE_KIND, place.normaliser, value) for _, value in values
        ]
        tokens = await self._tokeniser.uncached(Group.PIECE, inputs) if inputs else ()
        fields: dict[str, list[bytes]] = {}
        for (field, _), token in zip(values, tokens, strict=True):
            fields.setdefault(field, []).append(token)
        return {field: tuple(sorted(own)) for field, own in fields.items()}
