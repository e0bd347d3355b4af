"""The audit log's events: what is written, before anything happens.

Rules
-----
1. An event is appended in the same transaction as its effect, before the effect: neither exists alone.
2. The log holds a salted commitment; actor, time and detail stand beside it and can be erased lawfully
   while the tree stays.
3. Detail is figures, codes and ids. Never an identifier, a name, a narrative or a token.
"""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from passerelle.audit.event import Event
from passerelle.clock import Clock
from passerelle_hub.store import Transaction, log_store

Detail = Mapping[str, str | int | list[str]]
TAG_BYTES: Final = 16
_CANONICAL: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


class EventKind(StrEnum):
    """Every kind of event the hub writes; docs/audit-events.md is generated from these lines."""

    BATCH_ACCEPTED = "batch.accepted"
    BATCH_REFUSED = "batch.refused"
    DECISIONS_TAKEN = "decisions.taken"
    RECORDS_STORED = "records.stored"
    RECORD_ERASED = "record.erased"
    RECORD_UNINDEXED = "record.unindexed"
    LINK_OPENED = "link.opened"
    LINK_CHANGED = "link.changed"
    LINK_JUDGED = "link.judged"
    JUDGEMENT_REFUSED = "judgement.refused"
    CLUSTERS_CHANGED = "clusters.changed"
    NOTIFICATION_WRITTEN = "notification.written"
    NOTIFICATION_UNDELIVERABLE = "notification.undeliverable"
    NOTIFICATION_LAPSED = "notification.lapsed"
    LETTER_TAKEN = "letter.taken"
    NOTIFICATION_ACKNOWLEDGED = "notification.acknowledged"
    NOTIFICATIONS_OPENED = "notifications.opened"
    BATCH_MATCHED = "batch.matched"
    HOLDINGS_COMPARED = "holdings.compared"
    HOLDINGS_DIFFER = "holdings.differ"
    EVALUATIONS_REPORTED = "evaluations.reported"
    EVALUATIONS_RECONCILED = "evaluations.reconciled"
    EVALUATIONS_DIFFER = "evaluations.differ"
    CLOSER_ASKED = "closer.asked"
    CLOSER_QUESTIONS = "closer.questions"
    CLOSER_ANSWERED = "closer.answered"
    CLOSER_COMPARED = "closer.compared"
    CLOSER_LAPSED = "closer.lapsed"
    CALL_REFUSED = "call.refused"
    DIRECTORY_READ = "directory.read"
    LOG_READ = "log.read"
    LOG_COSIGNED = "log.cosigned"
    LOG_SEARCHED = "log.searched"
    CHECKPOINT_STAMPED = "checkpoint.stamped"
    TIMESTAMP_FAILED = "timestamp.failed"
    AGENCY_ADDED = "agency.added"
    MANIFEST_LOGGED = "manifest.logged"
    AGENCY_SUSPENDED = "agency.suspended"
    AGENCY_RESUMED = "agency.resumed"
    CERTIFICATE_BARRED = "certificate.barred"
    CERTIFICATE_ENDING = "certificate.ending"
    EPOCH_ANNOUNCED = "epoch.announced"
    EPOCH_OPENED = "epoch.opened"
    EPOCH_CLOSED = "epoch.closed"
    POLICY_ACTIVATED = "policy.activated"
    POLICY_ROLLED_BACK = "policy.rolled-back"
    POLICY_SHADOWED = "policy.shadowed"
    POLICY_REFUSED = "policy.refused"
    POLICY_LOADED = "policy.loaded"
    WEIGHTS_ACTIVATED = "weights.activated"
    WEIGHTS_REFUSED = "weights.refused"
    DECISION_EXPLAINED = "decision.explained"
    PREVIEW_ASKED = "preview.asked"
    QUERY_ASKED = "query.asked"
    QUERY_UNTOLD = "query.owner-untold"
    HUB_STARTED = "hub.started"
    RETENTION_SWEPT = "retention.swept"
    DETAILS_ERASED = "details.erased"
    EVENT_FORGED = "event.forged"
    BACKUP_MADE = "backup.made"
    HUB_RESTORED = "hub.restored"
    RECOVERY_AGREED = "recovery.agreed"
    RECOVERY_WAIVED = "recovery.waived"


MEANING: Mapping[EventKind, str] = {
    EventKind.BATCH_ACCEPTED: "A batch passed admission and policy; its records were stored.",
    EventKind.BATCH_REFUSED: "A batch was refused as a whole; nothing of it was stored.",
    EventKind.DECISIONS_TAKEN: "Policy was asked; the decision ids and how many were denied.",
    EventKind.RECORDS_STORED: "A batch's records were stored; root over digests of each and its index.",
    EventKind.RECORD_ERASED: "A record was withdrawn or expired; its sections and index rows are gone.",
    EventKind.RECORD_UNINDEXED: "A record's index rows are gone with its closed token epoch; the rest stays.",
    EventKind.LINK_OPENED: "Two records were linked.",
    EventKind.LINK_CHANGED: "A link's state or band changed.",
    EventKind.LINK_JUDGED: "A named person of an agency judged a link: verdict, reason, purpose, case.",
    EventKind.JUDGEMENT_REFUSED: "A judgement was refused: no link the agency knows, or denied by policy.",
    EventKind.CLUSTERS_CHANGED: "Linked records were put into clusters anew; how many records moved.",
    EventKind.NOTIFICATION_WRITTEN: "A notification was written for an agency; commitment of its content.",
    EventKind.NOTIFICATION_UNDELIVERABLE: "A recipient, suspended or without a key, was not told of a link.",
    EventKind.NOTIFICATION_LAPSED: "Notifications that waited for a key were not due any more; how many.",
    EventKind.NOTIFICATION_ACKNOWLEDGED: "An agency confirmed that it stored notifications up to a number.",
    EventKind.NOTIFICATIONS_OPENED: "An agency opened its stream of notifications.",
    EventKind.BATCH_MATCHED: "The second transaction of a batch is done.",
    EventKind.HOLDINGS_COMPARED: "An agency compared what it believes held with what the hub holds of it.",
    EventKind.HOLDINGS_DIFFER: "At one place in the chain the two sides differ; in how many of 256 buckets.",
    EventKind.EVALUATIONS_REPORTED: "A trustee reported what it evaluated on a day; how much.",
    EventKind.EVALUATIONS_RECONCILED: "Evaluations were held against tokens submitted; how many differ.",
    EventKind.EVALUATIONS_DIFFER: "An agency had more evaluated than it submitted; agency, group, figures.",
    EventKind.CLOSER_ASKED: "Policy allowed a closer look at a pair; both agencies are asked for it.",
    EventKind.CLOSER_QUESTIONS: "An agency read which of its records are to be compared more finely.",
    EventKind.CLOSER_ANSWERED: "An agency answered for one record; of how many fields.",
    EventKind.CLOSER_COMPARED: "Both answers of a pair were compared and dropped; digest of the levels.",
    EventKind.CLOSER_LAPSED: "Closer looks that nobody answered, or at records changed since, were dropped.",
    EventKind.CALL_REFUSED: "A call was refused before it reached a step.",
    EventKind.DIRECTORY_READ: "An agency read the directory.",
    EventKind.LOG_SEARCHED: "A supervisor searched the log; for what, and for which purpose.",
    EventKind.LOG_COSIGNED: "A witness cosigned a checkpoint; of how many leaves.",
    EventKind.LOG_READ: "An agency or a supervisor read the log.",
    EventKind.CHECKPOINT_STAMPED: "A time-stamping authority stamped a checkpoint; of how many leaves.",
    EventKind.TIMESTAMP_FAILED: "An alarm: a checkpoint was not stamped; the code says why.",
    EventKind.AGENCY_ADDED: "An agency's signed registry entry was added or replaced.",
    EventKind.EPOCH_ANNOUNCED: "The operator announced a token epoch of a domain.",
    EventKind.EPOCH_OPENED: "The hub takes tokens of a further epoch from now on.",
    EventKind.EPOCH_CLOSED: "The hub takes tokens of an epoch no longer.",
    EventKind.POLICY_ACTIVATED: "A policy revision became the active one; its signers, the bundle's hash.",
    EventKind.POLICY_ROLLED_BACK: "A stored revision became the active one again; the bundle's hash.",
    EventKind.POLICY_SHADOWED: "A revision is tried beside the active one, or a trial ended.",
    EventKind.POLICY_REFUSED: "A bundle was not activated; its hash and the code that says why.",
    EventKind.WEIGHTS_ACTIVATED: "Pairs are scored by a signed change of weights, or by the shipped table.",
    EventKind.WEIGHTS_REFUSED: "A change of weights was not activated; its hash and the code that says why.",
    EventKind.DECISION_EXPLAINED: "Somebody read why a decision was taken.",
    EventKind.PREVIEW_ASKED: "An agency asked who would learn what of a record that it did not submit.",
    EventKind.QUERY_ASKED: "A one-off query was answered; who asked, why, which records were told of.",
    EventKind.QUERY_UNTOLD: "An owner had no key to seal to and was not told that its record was found.",
    EventKind.POLICY_LOADED: "A hub process started with the active signed revision.",
    EventKind.AGENCY_SUSPENDED: "This hub suspended an agency; who decided, and why.",
    EventKind.AGENCY_RESUMED: "This hub ended its suspension of an agency.",
    EventKind.CERTIFICATE_BARRED: "This hub refuses one certificate, before its authority revokes it.",
    EventKind.CERTIFICATE_ENDING: "A root or an issuing authority ends within the days named.",
    EventKind.HUB_STARTED: "A hub process started.",
    EventKind.MANIFEST_LOGGED: "A key manifest of an agency was taken; from now on it is in force.",
    EventKind.LETTER_TAKEN: "A link that an agency could not be told of was decided anew.",
    EventKind.DETAILS_ERASED: "Actors and details of events older than a time were erased; digests stay.",
    EventKind.EVENT_FORGED: "Events that the hub had not written waited for a tick and were dropped; alarm.",
    EventKind.RETENTION_SWEPT: "The retention sweep ran; how many records it erased.",
    EventKind.BACKUP_MADE: "A copy of the database was begun.",
    EventKind.HUB_RESTORED: "The database was restored: to which change, how many erasures, who is awaited.",
    EventKind.RECOVERY_AGREED: "After a restore, an agency and the hub agreed on what the hub holds.",
    EventKind.RECOVERY_WAIVED: "The operator awaits an agency no more after a restore, with the reason.",
}


class Vouch(NamedTuple):
    """What the database holds of a subject from this event on (`passerelle.audit.event`)."""

    subject: str
    digest: bytes = b""


NO_VOUCH: Final = Vouch("")


class Note(NamedTuple):
    """One event about to be appended, as `Audit.append` takes it."""

    kind: EventKind
    detail: Detail
    vouch: Vouch = NO_VOUCH


class EventSeal:
    """Marks events as the hub's own until a tick holds them: whoever edits the database cannot add one.

    The key is derived from the pepper, which lies outside the database.
    """

    def __init__(self, secret: bytes) -> None:
        self._mac = hmac.new(hmac.digest(secret, b"passerelle/event-tag/1", "sha256"), digestmod="sha256")

    def tag(self, mark: bytes) -> bytes:
        """The tag (16 bytes) of a commitment."""
        mac = self._mac.copy()
        mac.update(mark)
        return mac.digest()[:TAG_BYTES]


class Audit:
    """Writes events. Stateless apart from the clock, the source of salts and the seal."""

    def __init__(
        self, clock: Clock, seal: EventSeal, random: Callable[[int], bytes] = secrets.token_bytes
    ) -> None:
        self._clock = clock
        self._random = random
        self.seal: Final = seal

    def append(
        self,
        tx: Transaction,
        kind: EventKind,
        actor: str,
        *,
        vouch: Vouch = NO_VOUCH,
        **detail: str | int | list[str],
    ) -> bytes:
        """Append one event; returns its 32-byte commitment, which the log will hold."""
        event = self._event(actor, self._clock.now(), Note(kind, detail, vouch))
        log_store.append(tx, [event])
        return event[0]

    def append_many(self, tx: Transaction, actor: str, notes: Sequence[Note]) -> None:
        """Append events of one actor, in order, at the price of about one."""
        now = self._clock.now()
        log_store.append(tx, [self._event(actor, now, note) for note in notes])

    def _event(self, actor: str, now: int, note: Note) -> tuple[bytes, bytes, Event]:
        text = _CANONICAL(note.detail)
        event = Event(note.kind.value, actor, now, text, self._random(16), *note.vouch)
        mark = event.commitment
        return mark, self.seal.tag(mark), event


def events_page() -> str:
    """The catalogue of events as docs/audit-events.md holds it."""
    rows = "\n".join(f"| `{kind.value}` | {MEANING[kind]} |" for kind in EventKind)
    return (
        "# Audit events\n\n"
        "What the hub writes to its log. Each event is a salted commitment in the log; actor, time and\n"
        "detail (figures, codes and ids, never content of a record) stand beside it.\n"
        "Generated from `hub/passerelle_hub/audit.py`; a test compares the two.\n\n"
        "Kind, time, subject (what the event vouches for) and digest stay; actor, salt and detail can be\n"
        "erased while the tree stays. `passerelle audit verify` holds the database against the digests.\n\n"
        f"| event | what happened |\n|---|---|\n{rows}\n"
    )
