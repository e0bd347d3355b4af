"""Transaction A of a batch: admit, decide, audit, receipt, records, index rows.

(1) an answered batch gets its stored receipt again, word for word;
(2) admit: authenticate, place in the agency's chain, check the content;
(3) decide: policy, once per distinct marking; a denied record is refused, the rest goes on;
(4) audit, before anything is stored;
(5) the signed receipt, stored with the batch and sent after the commit;
(6) records and index rows; the batch is *indexed*.

A refusal is signed and audited too. It consumes the sequence number whenever the statement is authentic
and was the next one, so that one bad batch never blocks the queue. Nothing else of it is stored, and its
quota is given back. Where policy answers nothing at all, the batch is refused as a whole: single records
would be lost to an outage. Called on a write thread of the hub: batches of one agency, from however many
processes, stand in line behind its row in `chain`.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Final, TypeAlias

from passerelle.audit.rows import SALT_BYTES, RecordRow, record_body
from passerelle.catalogue import Catalogue
from passerelle.clock import SECOND, Clock
from passerelle.codec.signed import decode_signed
from passerelle.errors import PasserelleError
from passerelle.groups import EntityKind
from passerelle.identity import Identity
from passerelle.log import get_logger
from passerelle.merkle import leaf_hash
from passerelle.record import Batch, BatchStatement, Position, RecordAction, RecordRefusal
from passerelle.sign import Signed
from passerelle_hub import facts
from passerelle_hub.admit import Admission, AdmittedBatch, AdmittedRecord, statement_digest
from passerelle_hub.audit import Audit, EventKind
from passerelle_hub.decisions import Decisions, unanswered
from passerelle_hub.index import pack_kinds, split
from passerelle_hub.logbook import vouch
from passerelle_hub.policy.model import Decision, PolicyRequest
from passerelle_hub.quota import Quota, resource_of, tokens_by_group
from passerelle_hub.receipts import Receipts, new_batch
from passerelle_hub.store import Database, Transaction, batches, chances, marks, records
from passerelle_hub.store.records import NewRecord

_LOG: Final = get_logger("intake")


_Taken: TypeAlias = tuple[AdmittedRecord, Decision]
"""An admitted record that policy allows, with its decision."""


class Intake:
    """Takes batches. Blocking; the service calls it on the write thread."""

    def __init__(
        self,
        *,
        database: Database,
        admission: Admission,
        decisions: Decisions,
        quota: Quota,
        catalogue: Catalogue,
        audit: Audit,
        receipts: Receipts,
        clock: Clock,
    ) -> None:
        self._database = database
        self._admission = admission
        self._decisions = decisions
        self._quota = quota
        self._catalogue = catalogue
        self._audit = audit
        self._receipts = receipts
        self._clock = clock

    def position(self, peer: Identity) -> Position:
        """Where the caller's chain stands; what a connector hears first on its stream."""
        with self._database.read() as tx:
            return batches.position(tx, peer.agency)

    def receive(self, batch: Batch, peer: Identity) -> Signed:
        """Answer one batch with a signed receipt; a fault nobody foresaw is the refusal `internal`.

        Raises:
            PasserelleError: `database_unavailable`; whether the batch was taken is answered when it comes
                again.
            Exception: the hub can write nothing at all, not even a refusal.
        """
        try:
            return self._answer(batch.signed, peer, lambda tx, next_: self._content(tx, batch, next_, peer))
        except Exception as fault:  # whatever a batch sets off, it must not end the stream
            if isinstance(fault, PasserelleError) and fault.code == "database_unavailable":
                raise
            _LOG.error("batch.fault", agency=peer.agency, exception_type=type(fault).__name__)
            return self.refuse_unassembled(batch.signed, peer, PasserelleError("internal"))

    def refuse_unassembled(self, signed: Signed | None, peer: Identity, error: PasserelleError) -> Signed:
        """Answer a batch whose frames could not be put together."""

        def refuse(_tx: Transaction, _next: BatchStatement) -> Signed:
            raise error

        if signed is not None:
            return self._answer(signed, peer, refuse)
        with self._database.write() as tx:
            return self._receipts.refuse(tx, None, peer, error, consumed=False)

    def _answer(
        self, signed: Signed, peer: Identity, content: Callable[[Transaction, BatchStatement], Signed]
    ) -> Signed:
        """Steps 1 and 2; `content` answers a batch that is authentic and the next one, or says why not."""
        with self._database.write() as tx:
            try:
                statement = self._admission.authenticate(signed, peer)  # (2)
            except PasserelleError as error:
                return self._receipts.refuse(tx, signed, peer, error, consumed=False)
            position = batches.lock(tx, peer.agency)  # whoever comes second finds what the first one did
            if again := batches.find(tx, peer.agency, statement.batch_id):  # (1)
                if again.digest == statement_digest(signed):
                    return decode_signed(again.receipt)
                replay = PasserelleError("batch_replayed", "a batch id used before")
                return self._receipts.refuse(tx, signed, peer, replay, consumed=False)
            try:
                self._admission.place(statement, position)
            except PasserelleError as error:
                return self._receipts.refuse(tx, signed, peer, error, consumed=False)
            try:
                with tx.begin_nested():  # a refusal leaves nothing of the batch, its charge included
                    return content(tx, statement)
            except PasserelleError as error:
                return self._receipts.refuse(tx, signed, peer, error, consumed=True)

    def _content(self, tx: Transaction, batch: Batch, statement: BatchStatement, peer: Identity) -> Signed:
        admitted = self._admission.content(batch, statement)
        kinds = chain.from_iterable(record.kinds for record in batch.records)
        groups = tokens_by_group(self._catalogue, kinds)
        units = {"records": statement.records, "tokens": sum(groups.values())}
        units |= {resource_of(group): tokens for group, tokens in sorted(groups.items())}
        self._quota.charge(tx, peer.agency, units)
        return self._take(tx, batch, admitted, peer)

    def _take(self, tx: Transaction, batch: Batch, admitted: AdmittedBatch, peer: Identity) -> Signed:
        statement, digest = admitted.statement, statement_digest(batch.signed)
        taken, denied = self._decide(tx, admitted, peer)  # (3)
        known = records.revisions(tx, peer.agency, [record.record_id for record, _ in taken])
        taken, stale = _current(taken, known)
        refusals = tuple(sorted((*admitted.refusals, *denied, *stale), key=lambda row: row.index))
        event = self._audit.append(  # (4)
            tx,
            EventKind.BATCH_ACCEPTED,
            str(peer),
            vouch=vouch.batch(statement.batch_id, digest),
            batch=statement.batch_id.hex(),
            sequence=statement.sequence,
            statement=digest.hex(),
            records=len(taken),
            refused=len(refusals),
        )
        receipt = self._receipts.accept(statement, digest, refusals, event)  # (5)
        batches.advance(tx, peer.agency, statement.sequence, digest)
        left_out = b"".join(leaf_hash(batch.records[row.index].header) for row in refusals)
        row = new_batch(statement, batch.signed, digest, receipt, "indexed", self._clock.now(), left_out)
        batch_pk = batches.put(tx, row)
        self._store(tx, taken, statement, batch_pk, known)  # (6)
        records.put_keks(tx, batch_pk, batch.keks)
        if statement.chances:
            chances.put(tx, statement.domain, statement.agency, statement.chances, self._clock.now())
        return receipt

    def _decide(
        self, tx: Transaction, admitted: AdmittedBatch, peer: Identity
    ) -> tuple[list[_Taken], list[RecordRefusal]]:
        distinct, places = self._requests(admitted, peer)
        answers = self._decisions.ask(tx, "submission", distinct, str(peer), places)
        if answers and all(unanswered(answer) for answer in answers):
            raise PasserelleError("policy_unavailable", f"{len(answers)} records")
        decided = list(zip(admitted.records, answers, strict=True))
        denied = [
            RecordRefusal(record.position, "record_refused_by_policy", answer.reason_codes)
            for record, answer in decided
            if not answer.allow
        ]
        return [one for one in decided if one[1].allow], denied

    def _requests(self, admitted: AdmittedBatch, peer: Identity) -> tuple[list[PolicyRequest], list[int]]:
        """The distinct requests of a batch, and for each record which one is its own."""
        said, role = admitted.statement, peer.role.value
        protocol = said.domain, said.normaliser
        tiers: dict[tuple[int, ...], tuple[str, ...]] = {}
        known: dict[tuple[RecordAction, EntityKind, bytes, tuple[str, ...]], int] = {}
        places: list[int] = []
        for one in admitted.records:
            of = tiers.get(one.kinds)
            if of is None:
                of = tiers[one.kinds] = facts.tiers(self._catalogue, one.kinds)
            key = one.action, one.entity, one.marking, of
            places.append(known.setdefault(key, len(known)))
        return [facts.submission(said.agency, role, protocol, *key) for key in known], places

    def _store(
        self,
        tx: Transaction,
        taken: Sequence[_Taken],
        statement: BatchStatement,
        batch_pk: int,
        known: dict[bytes, tuple[int, int]],
    ) -> None:
        """Step 6; the log gets one event for all records, and one more for each erasure."""
        if not taken:
            return
        new, actor = self._new_records(taken, statement, batch_pk), statement.connector
        stored = vouch.records(statement.batch_id, new)
        self._audit.append(tx, EventKind.RECORDS_STORED, actor, vouch=stored, records=len(new))
        gone = [one.row for one in new if one.row.state == "withdrawn"]
        for row in gone:
            self._audit.append(
                tx,
                EventKind.RECORD_ERASED,
                actor,
                vouch=vouch.withdrawn(row.agency, row.record_id, row.revision),
                agency=row.agency,
                record=row.record_id.hex(),
            )
        ids = [one.row.record_id for one in new]
        self._unindex(tx, [known[record_id][0] for record_id in ids if record_id in known])
        keys = records.put(tx, new, known)
        for row in gone:
            records.erase(tx, keys[row.record_id], "withdrawn")
        marks.put(tx, [(keys[one.row.record_id], one.row.entries) for one in new])

    def _unindex(self, tx: Transaction, keys: Sequence[int]) -> None:
        old = records.by_key(tx, keys)
        marks.remove(tx, sorted((mark, key) for key, row in old.items() for mark in split(row.marks)))

    def _new_records(
        self, taken: Sequence[_Taken], statement: BatchStatement, batch_pk: int
    ) -> list[NewRecord]:
        now, limits = self._clock.now(), dict[str, int]()
        agency, domain, epoch = statement.agency, statement.domain, statement.epoch
        drawn = secrets.token_bytes(SALT_BYTES * len(taken))
        salts = [drawn[at : at + SALT_BYTES] for at in range(0, len(drawn), SALT_BYTES)]
        new: list[NewRecord] = []
        for (record, decision), salt in zip(taken, salts, strict=True):
            (
                place, record_id, revision, action, entity, own_expiry, embargoed, marking,
                header, kinds, entries, sections, sealed,
            ) = record  # fmt: skip
            withdrawn = action is RecordAction.WITHDRAW  # and holds nothing, as `admit` saw
            state = "withdrawn" if withdrawn else "active"
            expiry = 0 if withdrawn else _expiry(own_expiry, decision, now, limits)
            wraps = tuple([(wrap.section, wrap.recipient, wrap.wrapped) for wrap in sealed])
            row = RecordRow(  # by place: a batch makes them by the thousand
                agency, record_id, revision, state, entity.value, domain, epoch,
                marking, pack_kinds(kinds), expiry, embargoed, entries, wraps,
            )  # fmt: skip
            body = record_body(salt, row)
            new.append(NewRecord(row, batch_pk, place, header, decision.id, salt, body, sections))
        return new


def _expiry(own: int, decision: Decision, now: int, known: dict[str, int]) -> int:
    """The originator's own expiry, or policy's longest retention, whichever comes first; 0 for never.

    `known` are the limits of the batch's decisions, found once for each.
    """
    limit = known.get(decision.id)
    if limit is None:
        days = decision.obligation("keep_days_at_most")
        limit = known[decision.id] = now + days * 86_400 * SECOND if isinstance(days, int) else 0
    return min(own, limit) if own and limit else own or limit


def _current(
    taken: Sequence[_Taken], known: dict[bytes, tuple[int, int]]
) -> tuple[list[_Taken], list[RecordRefusal]]:
    """Part records from those whose revision the hub already has."""
    if not known:
        return list(taken), []
    fresh: list[_Taken] = []
    stale: list[RecordRefusal] = []
    for one in taken:
        record, _ = one
        if record.record_id in known and record.revision <= known[record.record_id][1]:
            stale.append(RecordRefusal(record.position, "record_revision_stale"))
        else:
            fresh.append(one)
    return fresh, stale
