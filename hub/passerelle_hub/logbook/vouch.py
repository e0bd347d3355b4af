"""What the hub's events vouch for: subject and digest of each thing that it keeps.

Whoever writes a covered row appends its event with the vouch that stands here, in the same transaction. The
export (`export`) shows the same fields, so that a verifier computes the same digest. A new table is covered
by a function here, an event that carries it, and a line in the export.
"""

from __future__ import annotations

from collections.abc import Sequence

from passerelle.audit import names
from passerelle.audit.event import NOTHING
from passerelle.audit.rows import (
    Fields,
    RecordRow,
    Value,
    decisions_digest,
    notified,
    record_body,
    record_head,
    record_leaf,
    records_root,
    row_digest,
)
from passerelle.audit.verify_records import expired_digest
from passerelle_hub.audit import NO_VOUCH, Vouch
from passerelle_hub.store.decisions import StoredDecision
from passerelle_hub.store.judgements import StoredJudgement
from passerelle_hub.store.links import StoredLink
from passerelle_hub.store.notifications import StoredNotification
from passerelle_hub.store.records import NewRecord

_LEFT_OUT = frozenset({"link_pk"})


def batch(batch_id: bytes, statement: bytes) -> Vouch:
    """A batch was answered; `statement` is the digest of its statement."""
    return Vouch(names.batch(batch_id), statement)


def matched(batch_id: bytes) -> Vouch:
    """A batch is matched."""
    return Vouch(names.matched(batch_id))


def records(batch_id: bytes, new: Sequence[NewRecord]) -> Vouch:
    """The records of a batch, in order of their positions, together."""
    leaves = [
        record_leaf(record_head(one.salt, batch_id, one.position, one.header, one.decision), one.body)
        for one in new
    ]
    return Vouch(names.records(batch_id), records_root(leaves))


def withdrawn(agency: str, record_id: bytes, revision: int) -> Vouch:
    """A revision that withdraws a record; its leaf says what is left."""
    return Vouch(names.record(agency, record_id, revision), NOTHING)


def expired(row: RecordRow) -> Vouch:
    """A record was erased past its expiry; what is left of its row."""
    return Vouch(names.record(row.agency, row.record_id, row.revision), expired_digest(row))


def unindexed(salt: bytes, row: RecordRow) -> Vouch:
    """A record's rows of the index were removed; what is left of it, under the salt of its leaf."""
    return Vouch(names.record(row.agency, row.record_id, row.revision), record_body(salt, row))


def agency_fields(agency: str, entry: bytes, revision: int, added: int) -> Fields:
    """A registry entry's row."""
    return {"agency": agency, "entry": entry, "revision": revision, "added": added}


def agency(name: str, entry: bytes, revision: int, added: int) -> Vouch:
    """A registry entry."""
    return Vouch(names.agency(name), row_digest("agency", agency_fields(name, entry, revision, added)))


def manifest_fields(agency: str, sequence: int, signed: bytes) -> Fields:
    """A key manifest's row."""
    return {"agency": agency, "sequence": sequence, "signed": signed}


def manifest(name: str, sequence: int, digest: bytes, signed: bytes) -> Vouch:
    """A key manifest; `digest` is the SHA-256 of its payload."""
    fields = manifest_fields(name, sequence, signed)
    return Vouch(names.manifest(name, digest), row_digest("manifest", fields))


def link_fields(link: StoredLink) -> Fields:
    """A link's row, but for its own key, which it gets when it is stored.

    A link that nobody judged is vouched for as it was before there were judgements.
    """
    fields: dict[str, Value] = link._asdict()
    del fields["link_pk"]
    if not link.verdict:
        del fields["verdict"]
    return fields


def link(stored: StoredLink) -> Vouch:
    """A link as it is from now on."""
    return Vouch(names.link(stored.link_id), row_digest("link", link_fields(stored)))


def judgement_fields(row: StoredJudgement, link_id: bytes) -> Fields:
    """A judgement's row, with the link's id for its key."""
    fields: dict[str, Value] = {
        name: getattr(row, name) for name in StoredJudgement.__dataclass_fields__ if name not in _LEFT_OUT
    }
    return {**fields, "link": link_id}


def judgement(row: StoredJudgement, link_id: bytes) -> Vouch:
    """A judgement, for ever."""
    fields = judgement_fields(row, link_id)
    return Vouch(names.judgement(row.agency, row.judgement_id), row_digest("judgement", fields))


def notification_fields(note: StoredNotification, link_id: bytes) -> Fields:
    """A notification's row: all of it is known to its recipient, who can compute the digest."""
    return notified(
        note.agency, note.sequence, link_id, note.created, note.decision, note.key_id, note.sealed
    )


def notification(note: StoredNotification, link_id: bytes) -> Vouch:
    """A notification."""
    fields = notification_fields(note, link_id)
    return Vouch(names.notification(note.agency, note.sequence), row_digest("notification", fields))


def acknowledged_fields(agency: str, sequence: int) -> Fields:
    """How far an agency acknowledged."""
    return {"agency": agency, "sequence": sequence}


def acknowledged(agency: str, sequence: int) -> Vouch:
    """An agency's acknowledgement."""
    fields = acknowledged_fields(agency, sequence)
    return Vouch(names.acknowledged(agency), row_digest("acknowledged", fields))


def letter_fields(agency: str, link_id: bytes) -> Fields:
    """A dead letter's row, but for why and since when."""
    return {"agency": agency, "link": link_id}


def letter(agency: str, link_id: bytes) -> Vouch:
    """A dead letter waits."""
    return Vouch(names.letter(agency, link_id), row_digest("letter", letter_fields(agency, link_id)))


def letter_taken(agency: str, link_id: bytes) -> Vouch:
    """A dead letter waits no more."""
    return Vouch(names.letter(agency, link_id), NOTHING)


def report_fields(trustee: str, day: int, made: int, signed: bytes) -> Fields:
    """A trustee's report's row."""
    return {"trustee": trustee, "day": day, "made": made, "signed": signed}


def report(trustee: str, day: int, made: int, signed: bytes) -> Vouch:
    """A trustee's report of a day."""
    fields = report_fields(trustee, day, made, signed)
    return Vouch(f"report/{trustee}/{day}", row_digest("report", fields))


def decision_fields(row: StoredDecision) -> Fields:
    """A decision's row. When it was decided is the time of the event that first names it."""
    names_ = (name for name in StoredDecision.__dataclass_fields__ if name != "decided")
    fields: dict[str, Value] = {name: getattr(row, name) for name in names_}
    return fields


def decisions(rows: Sequence[StoredDecision]) -> Vouch:
    """The decisions that one question added; none where all were known."""
    if not rows:
        return NO_VOUCH
    ordered = sorted(rows, key=lambda row: row.decision)
    digests = [row_digest("decision", decision_fields(row)) for row in ordered]
    return Vouch("", decisions_digest(digests))
