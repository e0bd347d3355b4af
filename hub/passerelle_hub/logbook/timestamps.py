"""Timestamps of the log's checkpoints by an authority outside (RFC 3161), where one is configured.

(1) the newest checkpoint that witnesses were offered and nobody stamped is due;
(2) its text's digest goes to the authority, off the write threads: a slow one holds nobody up;
(3) the answer counts once it verifies under the configured roots, for this request; it is kept beside the
    checkpoint, with an event.

What fails is an alarm (`timestamp.failed` among the events, an error in the process's log) and tried again
the next time; the hub goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import requests
from rfc3161_client import TimestampRequestBuilder

from passerelle.clock import Clock
from passerelle.errors import PasserelleError
from passerelle.log import get_logger
from passerelle.note import Note
from passerelle.timestamp import MAX_ANSWER_BYTES, stamped_at
from passerelle_hub.audit import Audit, EventKind
from passerelle_hub.service import Threads
from passerelle_hub.store import Database, timestamps

_LOG: Final = get_logger("timestamps")
ACTOR: Final = "hub/log"
Ask = Callable[[bytes], bytes]
"""Sends a request (DER) to the authority and returns its answer (DER).

Raises:
    PasserelleError: `timestamp_unavailable`.
"""


@dataclass(frozen=True, slots=True)
class Due:
    """A checkpoint to be stamped: its size, the text of its note."""

    size: int
    text: bytes


class Stamper:
    """Has checkpoints stamped. Blocking."""

    def __init__(self, database: Database, audit: Audit, clock: Clock, ask: Ask, roots_pem: bytes) -> None:
        self._database = database
        self._audit = audit
        self._clock = clock
        self._ask = ask
        self._roots = roots_pem

    def due(self) -> Due | None:
        """Step 1; on a read thread."""
        with self._database.read() as tx:
            found = timestamps.due(tx)
        return Due(found[0], Note.parse(found[1]).text) if found else None

    def stamp(self, due: Due) -> bytes:
        """Steps 2 and 3 up to the verification; on a thread of its own.

        Raises:
            PasserelleError: `timestamp_unavailable`, `timestamp_invalid`.
        """
        request = TimestampRequestBuilder(data=due.text).build()
        answer = self._ask(request.as_bytes())
        stamped_at(answer, due.text, self._roots, request.nonce)
        return answer

    def keep(self, due: Due, answer: bytes) -> None:
        """Step 3; on a write thread."""
        with self._database.write() as tx:
            timestamps.put(tx, due.size, self._clock.now(), answer)
            self._audit.append(tx, EventKind.CHECKPOINT_STAMPED, ACTOR, size=due.size)

    def failed(self, due: Due, code: str) -> None:
        """Raise the alarm; on a write thread."""
        with self._database.write() as tx:
            self._audit.append(tx, EventKind.TIMESTAMP_FAILED, ACTOR, size=due.size, code=code)


async def keep_stamped(stamper: Stamper, threads: Threads, leads: Callable[[], bool], seconds: float) -> None:
    """One round after another, until cancelled; of several processes the leader asks."""
    while True:
        await asyncio.sleep(seconds)
        if leads():
            try:
                await stamp_once(stamper, threads)
            except Exception as error:  # noqa: BLE001 - an authority that fails must never end the hub
                _LOG.error("timestamp.failed", exception_type=type(error).__name__)


async def stamp_once(stamper: Stamper, threads: Threads) -> bool:
    """One round; whether a checkpoint was stamped."""
    due = await threads.read(stamper.due)
    if due is None:
        return False
    try:
        answer = await asyncio.to_thread(stamper.stamp, due)
    except PasserelleError as error:
        _LOG.error("timestamp.failed", code=error.code, detail=error.detail)
        await threads.write(stamper.failed, due, error.code)
        return False
    await threads.write(stamper.keep, due, answer)
    return True


def post_to(url: str, seconds: float) -> Ask:
    """Asks the authority at a URL; an answer that is late, large or no answer fails."""

    def ask(request: bytes) -> bytes:
        headers = {"Content-Type": "application/timestamp-query"}
        try:
            with requests.post(url, request, headers=headers, timeout=seconds, stream=True) as said:
                said.raise_for_status()
                answer: bytes = said.raw.read(MAX_ANSWER_BYTES + 1)
        except (requests.RequestException, OSError) as error:
            raise PasserelleError("timestamp_unavailable", type(error).__name__) from error
        if not answer:
            raise PasserelleError("timestamp_unavailable", "an empty answer")
        return answer

    return ask
