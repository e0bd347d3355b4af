"""The audit log's events: what is written, before anything happens.

Rules
-----
1. An event is appended in the same transaction as its effect, before the effect: neither exists alone.
2. The log holds a salted commitment; actor, time and detail stand beside it and can be erased lawfully
   while the tree stays.
3. Detail is figures, codes and ids. Never an identifier, a name, a narrative or a token.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from passerelle.audit.event import Event
from passerelle.clock import Clock
from passerelle_hub.store import Transaction, log_store

Detail = Mapping[str, str | int | list[str]]


class EventKind(StrEnum):
    """Every kind of event the hub writes; docs/audit-events.md is generated from these lines."""

    BATCH_ACCEPTED = "batch.accepted"
    BATCH_REFUSED = "batch.refused"
    DECISIONS_TAKEN = "decisions.taken"
    RECORDS_STORED = "records.stored"
    RECORD_ERASED = "record.erased"
    LINK_OPENED = "link.opened"
    LINK_CHANGED = "link.changed"
    NOTIFICATION_WRITTEN = "notification.written"
    NOTIFICATION_UNDELIVERABLE = "notification.undeliverable"
    NOTIFICATION_LAPSED = "notification.lapsed"
    NOTIFICATION_ACKNOWLEDGED = "notification.acknowledged"
    NOTIFICATIONS_OPENED = "notifications.opened"
    BATCH_MATCHED = "batch.matched"
    HOLDINGS_COMPARED = "holdings.compared"
    HOLDINGS_DIFFER = "holdings.differ"
    EVALUATIONS_REPORTED = "evaluations.reported"
    EVALUATIONS_RECONCILED = "evaluations.reconciled"
    EVALUATIONS_DIFFER = "evaluations.differ"
    CALL_REFUSED = "call.refused"
    DIRECTORY_READ = "directory.read"
    LOG_READ = "log.read"
    AGENCY_ADDED = "agency.added"
    POLICY_ACTIVATED = "policy.activated"
    POLICY_ROLLED_BACK = "policy.rolled-back"
    POLICY_SHADOWED = "policy.shadowed"
    POLICY_REFUSED = "policy.refused"
    POLICY_LOADED = "policy.loaded"
    DECISION_EXPLAINED = "decision.explained"
    HUB_STARTED = "hub.started"
    RETENTION_SWEPT = "retention.swept"


MEANING: Mapping[EventKind, str] = {
    EventKind.BATCH_ACCEPTED: "A batch passed admission and policy; its records were stored.",
    EventKind.BATCH_REFUSED: "A batch was refused as a whole; nothing of it was stored.",
    EventKind.DECISIONS_TAKEN: "Policy was asked; the decision ids and how many were denied.",
    EventKind.RECORDS_STORED: "Digest over the index rows that a batch added.",
    EventKind.RECORD_ERASED: "A record was withdrawn or expired; its sections and index rows are gone.",
    EventKind.LINK_OPENED: "Two records were linked.",
    EventKind.LINK_CHANGED: "A link's state or band changed.",
    EventKind.NOTIFICATION_WRITTEN: "A notification was written for an agency; commitment of its content.",
    EventKind.NOTIFICATION_UNDELIVERABLE: "A recipient had no key to seal to and was not told of a link.",
    EventKind.NOTIFICATION_LAPSED: "Notifications that waited for a key were not due any more; how many.",
    EventKind.NOTIFICATION_ACKNOWLEDGED: "An agency confirmed that it stored notifications up to a number.",
    EventKind.NOTIFICATIONS_OPENED: "An agency opened its stream of notifications.",
    EventKind.BATCH_MATCHED: "The second transaction of a batch is done.",
    EventKind.HOLDINGS_COMPARED: "An agency compared what it believes held with what the hub holds of it.",
    EventKind.HOLDINGS_DIFFER: "At one place in the chain the two sides differ; in how many of 256 buckets.",
    EventKind.EVALUATIONS_REPORTED: "A trustee reported what it evaluated on a day; how much.",
    EventKind.EVALUATIONS_RECONCILED: "Evaluations were held against tokens submitted; how many differ.",
    EventKind.EVALUATIONS_DIFFER: "An agency had more evaluated than it submitted; agency, group, figures.",
    EventKind.CALL_REFUSED: "A call was refused before it reached a step.",
    EventKind.DIRECTORY_READ: "An agency read the directory.",
    EventKind.LOG_READ: "An agency or a supervisor read the log.",
    EventKind.AGENCY_ADDED: "An agency's signed registry entry was added or replaced.",
    EventKind.POLICY_ACTIVATED: "A policy revision became the active one; its signers, the bundle's hash.",
    EventKind.POLICY_ROLLED_BACK: "A stored revision became the active one again; the bundle's hash.",
    EventKind.POLICY_SHADOWED: "A revision is tried beside the active one, or a trial ended.",
    EventKind.POLICY_REFUSED: "A bundle was not activated; its hash and the code that says why.",
    EventKind.DECISION_EXPLAINED: "Somebody read why a decision was taken.",
    EventKind.POLICY_LOADED: "A hub process started with the active signed revision.",
    EventKind.HUB_STARTED: "A hub process started.",
    EventKind.RETENTION_SWEPT: "The retention sweep ran; how many records it erased.",
}


class Note(NamedTuple):
    """One event about to be appended, as `Audit.append` takes it."""

    kind: EventKind
    detail: Detail
    subject: str = ""
    vouched: bytes = b""


class Audit:
    """Writes events. Stateless apart from the clock and the source of salts."""

    def __init__(self, clock: Clock, random: Callable[[int], bytes] = secrets.token_bytes) -> None:
        self._clock = clock
        self._random = random

    def append(
        self,
        tx: Transaction,
        kind: EventKind,
        actor: str,
        *,
        subject: str = "",
        vouched: bytes = b"",
        **detail: str | int | list[str],
    ) -> bytes:
        """Append one event; returns its 32-byte commitment, which the log will hold.

        `subject` and `vouched` say what the database holds from now on (`passerelle.audit.event`).
        """
        event = self._event(actor, Note(kind, detail, subject, vouched))
        log_store.append(tx, [event])
        return event[0]

    def append_many(self, tx: Transaction, actor: str, notes: Sequence[Note]) -> None:
        """Append events of one actor, in order, at the price of about one."""
        log_store.append(tx, [self._event(actor, note) for note in notes])

    def _event(self, actor: str, note: Note) -> tuple[bytes, Event]:
        text = json.dumps(note.detail, sort_keys=True, separators=(",", ":"))
        salt, now = self._random(16), self._clock.now()
        event = Event(note.kind.value, actor, now, text, salt, note.subject, note.vouched)
        return event.commitment, event


def events_page() -> str:
    """The catalogue of events as docs/audit-events.md holds it."""
    rows = "\n".join(f"| `{kind.value}` | {MEANING[kind]} |" for kind in EventKind)
    return (
        "# Audit events\n\n"
        "What the hub writes to its log. Each event is a salted commitment in the log; actor, time and\n"
        "detail (figures, codes and ids, never content of a record) stand beside it.\n"
        "Generated from `hub/passerelle_hub/audit.py`; a test compares the two.\n\n"
        f"| event | what happened |\n|---|---|\n{rows}\n"
    )
