"""Subjects and kinds of events that more than the hub has to know.

A subject names one thing for ever and stays in the clear (`passerelle.audit.event`), so it is made of random
ids, names of agencies, numbers and digests alone.
"""

from __future__ import annotations

from typing import Final

BATCH_ACCEPTED: Final = "batch.accepted"
BATCH_REFUSED: Final = "batch.refused"
BATCH_MATCHED: Final = "batch.matched"
RECORDS_STORED: Final = "records.stored"
RECORD_ERASED: Final = "record.erased"
DECISIONS_TAKEN: Final = "decisions.taken"
DETAILS_ERASED: Final = "details.erased"
MANIFEST_LOGGED: Final = "manifest.logged"
NOTIFICATION_WRITTEN: Final = "notification.written"


def batch(batch_id: bytes) -> str:
    """A batch, by its accepting event; vouched is the digest of its statement."""
    return f"batch/{batch_id.hex()}"


def matched(batch_id: bytes) -> str:
    """That a batch is matched."""
    return f"matched/{batch_id.hex()}"


def records(batch_id: bytes) -> str:
    """The records that a batch brought; vouched is the root over their leaves."""
    return f"records/{batch_id.hex()}"


def record(agency: str, record_id: bytes, revision: int) -> str:
    """One revision of a record."""
    return f"record/{agency}/{record_id.hex()}/{revision}"


def agency(name: str) -> str:
    """An agency's registry entry."""
    return f"agency/{name}"


def manifest(name: str, digest: bytes) -> str:
    """A key manifest, by the SHA-256 of its payload, which is vouched too."""
    return f"manifest/{name}/{digest.hex()}"


def link(link_id: bytes) -> str:
    """A link."""
    return f"link/{link_id.hex()}"


def judgement(name: str, judgement_id: bytes) -> str:
    """An agency's judgement of a link."""
    return f"judgement/{name}/{judgement_id.hex()}"


def notification(name: str, sequence: int) -> str:
    """An agency's notification, by its number."""
    return f"notification/{name}/{sequence}"


def acknowledged(name: str) -> str:
    """How far an agency acknowledged."""
    return f"acknowledged/{name}"


def letter(name: str, link_id: bytes) -> str:
    """A link that an agency could not be told of."""
    return f"letter/{name}/{link_id.hex()}"


def details(before: int) -> str:
    """That details of events before a time (microseconds) were erased."""
    return f"details/{before}"
