"""What an event of the log commits to, in two levels, so that details can go and the tree stays.

    inner      = H(salt, actor, detail)                          salted: it can be guessed by nobody
    commitment = H(kind, happened, subject, vouched, inner)      the leaf of a tick

(1) `subject` names one thing that the hub keeps (`link/4f..`, `manifest/police/2`) and `vouched` is a digest
    of its content as of this event (`passerelle.audit.rows`), or 32 zero bytes where the event erased it.
    What the database holds is compared with the newest event of its subject: an edit is told from a lawful
    change.
(2) Erasing the details of an event keeps `inner` and forgets salt, actor and detail. The commitment can still
    be computed; nobody can test guesses of what was erased.
(3) Whoever is shown kind, time, subject, vouched and `inner` can compute the commitment and check its proof
    without learning actor or detail: that is how a key manifest or a notification is proven to be logged.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Final, NamedTuple

from passerelle.canonical import digest, encode

NOTHING: Final = bytes(32)
"""What is vouched for a subject that the event erased."""
_EVENT: Final = "passerelle/audit-event/2"
_DETAIL: Final = "passerelle/audit-detail/2"


class Event(NamedTuple):
    """One event. `happened` is microseconds UTC, `detail` JSON, `salt` 16 bytes, `vouched` 32 or none.

    `erased` is the inner digest of an event whose salt, actor and detail are gone, else empty.
    """

    kind: str
    actor: str
    happened: int
    detail: str
    salt: bytes
    subject: str = ""
    vouched: bytes = b""
    erased: bytes = b""

    @property
    def inner(self) -> bytes:
        """The salted digest of actor and detail (32 bytes)."""
        return self.erased or digest(_DETAIL, self.salt, self.actor, self.detail)

    @property
    def commitment(self) -> bytes:
        """What the log holds of the event (32 bytes)."""
        return commitment(self.kind, self.happened, self.subject, self.vouched, self.inner)


def commitment(kind: str, happened: int, subject: str, vouched: bytes, inner: bytes) -> bytes:
    """The commitment (32 bytes) of an event of which only the inner digest is known."""
    return hashlib.sha256(_head(kind, happened) + encode(subject, vouched, inner)).digest()


@lru_cache(maxsize=64, typed=True)  # events of one step have both in common
def _head(kind: str, happened: int) -> bytes:
    return encode(_EVENT, kind, happened)
