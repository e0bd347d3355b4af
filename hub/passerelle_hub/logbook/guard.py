"""The guard of releases: nothing leaves the hub while its log does not stand.

A step that releases something (a disclosure, a stream of notifications, a query's answer) calls `require`
inside its transaction, before it does anything else. Refused are releases while the newest tick or the newest
checkpoint is older than configured: then the log cannot be written, or nobody can be shown that it was.
"""

from __future__ import annotations

from passerelle.clock import SECOND, Clock, SystemClock
from passerelle.errors import PasserelleError
from passerelle_hub.store import Transaction, cosignatures, log_store


class LogGuard:
    """Says whether releases may go on. Stateless; ages in microseconds, 0 for no limit.

    `quorum` witnesses must have cosigned a checkpoint within `witnessed_age`.
    """

    def __init__(
        self, clock: Clock | None = None, age: int = 0, quorum: int = 2, witnessed_age: int = 0
    ) -> None:
        self._clock = clock or SystemClock()
        self._age = age
        self._quorum = quorum
        self._witnessed_age = witnessed_age

    def require(self, tx: Transaction) -> None:
        """Let a release through, or not.

        Raises:
            PasserelleError: `log_stale`.
        """
        now = self._clock.now()
        if self._age:
            latest = log_store.latest_checkpoint(tx)
            self._fresh("checkpoint", latest.created if latest else 0, now, self._age)
            self._fresh("tick", log_store.closed(tx), now, self._age)
        if self._witnessed_age:
            _, cosigned = cosignatures.newest(tx, self._quorum)
            self._fresh("quorum of witnesses", cosigned, now, self._witnessed_age)

    def _fresh(self, what: str, at: int, now: int, limit: int) -> None:
        if now - at > limit:
            old = f"{(now - at) // SECOND} s old" if at else "not there yet"
            raise PasserelleError("log_stale", f"the last {what} is {old}")
