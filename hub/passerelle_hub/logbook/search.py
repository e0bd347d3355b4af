"""Search in the log, for the supervisor: by kind, actor and time, read only, a page at a time.

The purpose is mandatory and known to policy (`log.search`); who searched for what and why stands in the log
before anything is read (`passerelle_hub.access`).
"""

from __future__ import annotations

from typing import Final

from passerelle.audit.query import Found, Query
from passerelle.errors import PasserelleError
from passerelle.record import MAX_LARGE
from passerelle_hub.store import Database, log_store

MAX_PAGE: Final = 500


class LogSearch:
    """Searches. Blocking; called on a read thread, after access was granted."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(self, query: Query) -> tuple[Found, ...]:
        """Events that fit, oldest first, beyond `after`.

        Raises:
            PasserelleError: `message_malformed`, a page larger than `MAX_PAGE`, or a time, number or text
                that no event has.
        """
        if not 0 < query.limit <= MAX_PAGE:
            raise PasserelleError("message_malformed", f"a page of {query.limit}")
        if max(query.since, query.until, query.after) > MAX_LARGE:
            raise PasserelleError("message_malformed", "a time or number beyond 63 bits")
        if any("\0" in text for text in (query.actor, *query.kinds)):
            raise PasserelleError("message_malformed", "a text with NUL")
        with self._database.read() as tx:
            return log_store.search(tx, query)
