"""Dead letters on the tick: who can be told again is told what it missed.

Each agency in a transaction of its own, a part of its letters a tick, so that one failure or a long wait
holds up neither the others nor the tick. Called on a write thread of the hub.
"""

from __future__ import annotations

from typing import Final

from passerelle.errors import PasserelleError
from passerelle.log import get_logger
from passerelle_hub.notify import Notifier
from passerelle_hub.store import Database, dead_letters, recoveries

_LOG: Final = get_logger("letters")
_AT_ONCE: Final = 200


class DeadLetters:
    """Delivers what could not be delivered before."""

    def __init__(self, database: Database, notifier: Notifier) -> None:
        self._database = database
        self._notifier = notifier

    def deliver(self) -> int:
        """Try every agency that has a key again; returns how many notifications were written."""
        with self._database.read() as tx:
            waiting = dead_letters.agencies(tx)
            if not waiting or recoveries.waiting(tx):  # a restored hub tells nobody anything yet
                return 0
        return sum(self._deliver(agency) for agency in waiting if self._notifier.deliverable(agency))

    def _deliver(self, agency: str) -> int:
        try:
            with self._database.write() as tx:
                return self._notifier.again(tx, agency, _AT_ONCE)
        except Exception as fault:  # noqa: BLE001 - one agency must not stop the others, nor the tick
            code = fault.code if isinstance(fault, PasserelleError) else "internal"
            _LOG.error("letters.failed", agency=agency, code=code, exception_type=type(fault).__name__)
            return 0
