"""Which tables the log covers, so that an edit of them is told from a lawful change; and which it does not.

A test edits every column of every covered table and expects the verifier to name it; another holds this list
and docs/threat-model.md together. A new table stands in one of the two lists before it is released.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

COVERED: Final[Mapping[str, str]] = {
    "agency": "digest of the signed entry, by `agency.added`",
    "key_manifest": "digest, by `manifest.logged`",
    "chain": "follows from the batches",
    "counter": "follows from the notifications and `notification.acknowledged`",
    "batch": "signed by the agency, receipt signed by the hub, states by `batch.accepted`, `batch.matched`",
    "record": "leaf of its revision under the root of `records.stored`; erased ones by `record.erased`",
    "header": "head of the same leaf; all of a batch give the root that the agency signed",
    "section": "digests in the header, which the agency signed",
    "section_wrap": "body of the record's leaf",
    "kek": "digest in the statement, which the agency signed",
    "token": "body of the record's leaf",
    "population": "follows from the records",
    "link": "digest, by `link.opened`, `link.changed`",
    "judgement": "digest, by `link.judged`; signed by the agency",
    "notification": "digest, by `notification.written`",
    "dead_letter": "agency and link, by `notification.undeliverable` and `letter.taken`",
    "decision": "digest of all decisions of one question, by `decisions.taken`",
    "evaluation_report": "digest, by `evaluations.reported`; signed by the trustee",
    "audit_event": "leaves of the ticks; open ones carry the hub's mark",
    "log_tick": "leaves of the tree",
    "log_node": "computed anew from the leaves",
    "checkpoint": "signed by the hub; witnesses have seen it",
}
"""Table: how the log covers it."""

NOT_COVERED: Final[Mapping[str, str]] = {
    "cosignature": "signed by its witness; the verifier demands a quorum, so a changed one shows",
    "timestamp": "signed by an authority outside; the verifier checks each, a missing one shows by its age",
    "closer_look": "questions and what came of them; `closer.compared` has the digest of the levels",
    "last_key": "a counter of keys; a wrong one shows as a record that cannot be stored",
    "quota_use": "counts of a day; an edit lets an agency use more or less of its budget",
    "evaluation_count": "the counts of `evaluation_report`, which is covered, for searching",
    "policy_revision": "bundles; two people sign each, and an unsigned one is refused",
    "policy_state": "an edit can bring back an older signed revision, which every decision names",
    "policy_change": "the history of activations; the log has its own (`policy.activated`)",
    "policy_difference": "examples of a trial beside the active revision",
    "archive": "what the last backup held; a wrong one shows when the next is made",
    "query_asked": "ids of late questions; an edit lets an agency have one of its own answered again",
    "cluster_news": "links, which are covered, that clusters are to be computed for",
    "cluster_member": "computed from links and records, which are covered; told of as a first dot",
    "token_epoch": "which epochs are taken; the log has its own (`epoch.opened`, `epoch.closed`)",
    "suspension": "whom the operator suspended; the log and pki's signed lists have their own",
    "barred_certificate": "what the operator barred; the log and pki's signed lists have their own",
    "origin": "which server the tables belong to; an edit undoes the refusal to start on a restored one",
    "recovery": "whom a restored hub still awaits",
    "measured_chance": "copies of what signed statements say; an edit moves weights within three bits",
    "paired_count": "counts of pairs; an edit moves priors within eight bits and ceilings of kin by eight",
    "common_mark": "which marks were once too common; what an agency is told of it is counted anew",
    "weights_change": "signed changes; an edit can bring back an older one, which every link names",
    "rescoring_left": "batches still to be scored anew; without a row one keeps the bands of older weights",
    "alembic_version": "the schema's version; a wrong one stops the hub at its start",
}
"""Table: what an edit can do."""

EXEMPT: Final[Mapping[str, str]] = {
    "batch.batch_pk": "a key of the database; other rows are held against the batch id",
    "link.link_pk": "a key of the database; notifications are held against the link id",
    "dead_letter.since": "decides the order of letters alone",
    "dead_letter.code": "for the operator's list alone",
    "header.record_pk": "a key of the database, held against the record's row",
    "batch.received": "held to ten seconds against the signed receipt",
    "record.record_pk": "a key of the database; headers, index and links are held against it",
    "audit_event.commitment": "computed anew; an edit hides a promised proof, which its receiver misses",
    "audit_event.position": "places count by their order; exchanged ones are named",
    "checkpoint.size": "stands in the note, which is signed",
    "checkpoint.created": "when it was signed; decides when the next is offered",
    "checkpoint.offered": "an edit delays cosignatures, which shows as a missing quorum",
    "audit_event.event_pk": "order of open events alone; places in ticks are kept apart",
    "audit_event.tag": "held against the commitment at the tick, of no use afterwards",
    "cosignature.size": "stands in the note, which is signed",
    "cosignature.witness": "stands in the note, which is signed",
    "cosignature.created": "the witness's own time stands in the note",
    "decision.decided": "held to a minute against the event that names it",
    "log_tick.closed": "stated by the hub alone; witnesses put their own times into cosignatures",
}
"""Column: why an edit of it need not be found."""
