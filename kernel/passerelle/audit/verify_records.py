"""Verification of batches and records, see `verify_rows` for the rest.

(1) batches, by agency and number: statement signed by a key of the agency that was in force, chained without
    a gap; receipt signed by the hub and about this statement, its event in the log; recipients as signed;
    state as the log's events say;
(2) headers, by batch: their leaves give the root that was vouched for when the batch was stored, and with the
    hashes of those that the receipt refuses they give the root that the agency signed: a hub that changed one
    before it wrote it down is found;
(3) records: the current row, its rows of the index, its wraps and sections are those of the last leaf; or an
    event says that the record was erased, and nothing is left but its number, or that its index rows were
    removed with a closed epoch, and vouches for the rest; as many are active and under
    no embargo as the population says.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from typing import Any, Final

from passerelle.audit import names
from passerelle.audit.event import NOTHING
from passerelle.audit.layout import Export
from passerelle.audit.parties import Parties
from passerelle.audit.rows import (
    RecordRow,
    record_body,
    record_head,
    record_leaf,
    records_root,
    row_digest,
)
from passerelle.audit.scratch import Scratch
from passerelle.audit.verify_log import false
from passerelle.audit.verify_rows import item, number, raw, subject_of_batch, text, vouched
from passerelle.batch import recipient_digest
from passerelle.canonical import digest as canonical_digest
from passerelle.codec.header import decode_header
from passerelle.codec.signed import decode_signed
from passerelle.codec.statement import decode_receipt, decode_statement
from passerelle.errors import PasserelleError
from passerelle.identity import Identity
from passerelle.merkle import HASH_BYTES, leaf_hash, root_of
from passerelle.record import GENESIS, RECEIPT_TYPE, STATEMENT_TYPE, BatchStatement, KekWrap, Receipt
from passerelle.sign import Signed

_MARK: Final = 16
_KIND: Final = 2
_GRACE: Final = 10_000_000
"""Microseconds: the maximum merge delay of receipts."""


class BatchCheck:
    """Step 1."""

    def __init__(self, export: Export, parties: Parties, scratch: Scratch) -> None:
        self._export = export
        self._parties = parties
        self._scratch = scratch
        self._hub = Identity.parse(export.origin).agency
        self.ends: dict[str, tuple[int, bytes]] = {}

    def run(self, until: int) -> int:
        """Check all batches; `until` is when the newest tick was closed. Returns how many.

        Raises:
            PasserelleError: `log_false`, `export_unreadable`.
        """
        count = 0
        for row in self._export.rows("batch"):
            what = f"batch {text(row, 'batch')} of {text(row, 'agency')}"
            try:
                self._batch(row, what, until)
            except PasserelleError as error:
                if error.code in ("log_false", "export_unreadable"):
                    raise
                raise false(what, error.code) from error
            count += 1
        self._chains()
        return count

    def _batch(self, row: dict[str, Any], what: str, until: int) -> None:
        agency, received = text(row, "agency"), number(row, "received")
        signed = decode_signed(raw(row, "statement"))
        statement = decode_statement(self._parties.verify(agency, signed, STATEMENT_TYPE, received))
        digest = _sha(signed)
        said = (statement.agency, statement.batch_id, statement.sequence, statement.domain, statement.epoch)
        held = (agency, raw(row, "batch"), number(row, "sequence"), text(row, "domain"), number(row, "epoch"))
        if said != held or digest != raw(row, "digest"):
            raise false(what, "the row is not what the agency signed")
        self._chain(statement, digest, what)
        if recipient_digest(_keks(row)) != statement.recipients and text(row, "state") != "refused":
            raise false(what, "other recipients than signed")
        receipt = self._receipt(row, statement, digest, what, until)
        self._state(row, receipt.code, what)
        if not receipt.code:
            self._stated(row, statement, receipt)
        elif raw(row, "left_out"):
            raise false(what, "refused, and headers of it are kept")
        vouched(self._scratch, subject_of_batch(row), digest)

    def _chain(self, statement: BatchStatement, digest: bytes, what: str) -> None:
        sequence, previous = self.ends.get(statement.agency, (0, GENESIS))
        if (statement.sequence, statement.previous) != (sequence + 1, previous):
            raise false(what, f"number {statement.sequence} does not follow {sequence}")
        self.ends[statement.agency] = (statement.sequence, digest)

    def _receipt(
        self, row: dict[str, Any], statement: BatchStatement, digest: bytes, what: str, until: int
    ) -> Receipt:
        received = number(row, "received")
        signed = decode_signed(raw(row, "receipt"))
        receipt = decode_receipt(self._parties.verify(self._hub, signed, RECEIPT_TYPE, received))
        said = (receipt.agency, receipt.batch_id, receipt.sequence, receipt.statement_digest)
        if said != (statement.agency, statement.batch_id, statement.sequence, digest) or not receipt.consumed:
            raise false(what, "a receipt of something else")
        if abs(receipt.received - received) > _GRACE:
            raise false(what, "received at another time than its receipt says")
        logged = self._scratch.one("SELECT 1 FROM promised WHERE event = ?", receipt.audit_event)
        if not logged and received + _GRACE < until:
            raise false(what, "its receipt promises an event that the log does not hold")
        return receipt

    def _stated(self, row: dict[str, Any], statement: BatchStatement, receipt: Receipt) -> None:
        """What (2) holds the headers against."""
        refused = ",".join(str(one.index) for one in receipt.refusals)
        values = (text(row, "batch"), statement.records, statement.root, refused, raw(row, "left_out"))
        self._scratch.run("INSERT INTO stated VALUES (?, ?, ?, ?, ?, 0)", *values)

    def _state(self, row: dict[str, Any], code: str, what: str) -> None:
        matched = self._scratch.vouched(names.matched(raw(row, "batch"))) is not None
        expected = "refused" if code else ("matched" if matched else "indexed")
        if text(row, "state") != expected:
            raise false(what, f"state {text(row, 'state')}, by the log {expected}")

    def _chains(self) -> None:
        seen: set[str] = set()
        for row in self._export.rows("chain"):
            agency = text(row, "agency")
            sequence, digest = self.ends.get(agency, (0, GENESIS))
            if (number(row, "next_sequence"), raw(row, "previous")) != (sequence + 1, digest):
                raise false(f"chain of {agency}", f"not where {sequence} batches leave it")
            seen.add(agency)
        if lost := sorted(set(self.ends) - seen):
            raise false(f"chain of {lost[0]}", "not there")
        self._counters()

    def _counters(self) -> None:
        seen: set[str] = set()
        for row in self._export.rows("counter"):
            agency = text(row, "agency")
            last = self._notifications(agency)
            if number(row, "last_notification") != last:
                raise false(f"counter of {agency}", f"{last} notifications are logged")
            seen.add(agency)
        query = "SELECT DISTINCT substr(subject, 14) FROM vouched WHERE prefix = 'notification'"
        for (rest,) in self._scratch.all(query):
            if rest.split("/")[0] not in seen:
                raise false(f"counter of {rest.split('/')[0]}", "not there")

    def _notifications(self, agency: str) -> int:
        prefix = f"notification/{agency}/"
        query = (
            "SELECT max(CAST(substr(subject, ?) AS INTEGER)) FROM vouched WHERE subject >= ? AND subject < ?"
        )
        found = self._scratch.one(query, len(prefix) + 1, prefix, prefix[:-1] + "0")
        return int(found[0] or 0) if found else 0


def headers(export: Export, scratch: Scratch) -> int:
    """Step 2; returns how many revisions.

    Raises:
        PasserelleError: `log_false`, `export_unreadable`.
    """
    count = 0
    for batch, rows in groupby(export.rows("header"), key=lambda row: text(row, "batch")):
        held: dict[int, bytes] = {}
        leaves: list[bytes] = []
        for row in rows:
            leaves.append(_leaf(row, scratch))
            held[number(row, "position")] = leaf_hash(raw(row, "header"))
        subject = names.records(bytes.fromhex(batch))
        vouched(scratch, subject, records_root(leaves))
        _signed(scratch, batch, held)
        count += len(leaves)
    for (batch,) in scratch.all("SELECT batch FROM stated WHERE seen = 0"):
        _signed(scratch, batch, {})  # all of its records were refused
    for subject, place in scratch.unseen(_all_but_records(scratch)):
        raise false(subject, f"vouched for by {place} and not there")
    return count


def _signed(scratch: Scratch, batch: str, held: dict[int, bytes]) -> None:
    """Hold the headers of a batch (leaf hashes by position) against the root that the agency signed."""
    found = scratch.one("SELECT records, root, refused, left_out FROM stated WHERE batch = ?", batch)
    if found is None:
        raise false(f"batch {batch}", "headers of a batch that was not accepted")
    scratch.run("UPDATE stated SET seen = 1 WHERE batch = ?", batch)
    count, root, refused, left_out = found
    places = [int(at) for at in refused.split(",") if at]
    hashes = [left_out[at : at + HASH_BYTES] for at in range(0, len(left_out), HASH_BYTES)]
    if len(left_out) != len(places) * HASH_BYTES or held.keys() & set(places):
        raise false(f"batch {batch}", "not the headers that its receipt refuses are left out")
    leaves = held | dict(zip(places, hashes, strict=True))
    if sorted(leaves) != list(range(count)) or root_of([leaves[at] for at in range(count)]) != root:
        raise false(f"batch {batch}", "its headers are not those that the agency signed")


def _all_but_records(scratch: Scratch) -> Iterator[str]:
    for (prefix,) in scratch.all("SELECT DISTINCT prefix FROM vouched WHERE prefix != 'records'"):
        yield prefix


def _leaf(row: dict[str, Any], scratch: Scratch) -> bytes:
    header, body = raw(row, "header"), raw(row, "body")
    place = (raw(row, "batch"), number(row, "position"))
    scratch.run(
        "INSERT INTO header VALUES (?, ?, ?, ?, ?)",
        number(row, "key"),
        number(row, "revision"),
        canonical_digest("passerelle/audit-scratch/1", header, raw(row, "salt")),
        body,
        text(row, "batch"),
    )
    return record_leaf(record_head(raw(row, "salt"), *place, header, text(row, "decision")), body)


def records(export: Export, scratch: Scratch) -> int:
    """Step 3; returns how many records.

    Raises:
        PasserelleError: `log_false`, `export_unreadable`.
    """
    count, seen = 0, Counter[tuple[str, str]]()
    scratch.run("CREATE TABLE held (record INTEGER PRIMARY KEY, revision INTEGER)")
    for row in export.rows("record"):
        _record(row, scratch, f"record {text(row, 'record')} of {text(row, 'agency')}")
        scratch.run("INSERT INTO held VALUES (?, ?)", number(row, "key"), number(row, "revision"))
        if text(row, "state") == "active" and item(row, "embargoed") is not True:
            seen[text(row, "domain"), text(row, "agency")] += 1
        count += 1
    query = (
        "SELECT header.record, max(header.revision), held.revision FROM header"
        " LEFT JOIN held ON held.record = header.record GROUP BY header.record"
        " HAVING held.revision IS NULL OR max(header.revision) != held.revision LIMIT 1"
    )
    if found := scratch.one(query):
        raise false(f"record number {found[0]}", f"revision {found[1]} is logged, {found[2]} held")
    counted = {
        (text(row, "domain"), text(row, "agency")): number(row, "visible")
        for row in export.rows("population")
    }
    for domain, agency in sorted(seen.keys() | counted.keys()):
        if counted.get((domain, agency), 0) != seen[domain, agency]:
            raise false(f"population of {agency} in {domain}", f"{seen[domain, agency]} records are held")
    return count


def _record(row: dict[str, Any], scratch: Scratch, what: str) -> None:
    key, revision = number(row, "key"), number(row, "revision")
    found = scratch.one(
        "SELECT digest, body, batch FROM header WHERE record = ? AND revision = ?", key, revision
    )
    header, salt = raw(row, "header"), raw(row, "salt")
    if found is None or found[0] != canonical_digest("passerelle/audit-scratch/1", header, salt):
        raise false(what, "its header is not the one that was logged")
    if found[2] != text(row, "batch"):
        raise false(what, "it came with another batch")
    held = RecordRow(
        agency=text(row, "agency"),
        record_id=raw(row, "record"),
        revision=revision,
        state=text(row, "state"),
        entity=text(row, "entity"),
        domain=text(row, "domain"),
        epoch=number(row, "epoch"),
        marking=raw(row, "marking"),
        kinds=raw(row, "kinds"),
        expiry=number(row, "expiry"),
        embargoed=item(row, "embargoed") is True,
        entries=tuple(bytes.fromhex(mark) + kind.to_bytes(_KIND, "big") for mark, kind in item(row, "index")),
        wraps=tuple(
            (section, recipient, bytes.fromhex(wrapped)) for section, recipient, wrapped in item(row, "wraps")
        ),
    )
    sections = {name: (bytes.fromhex(digest), length) for name, digest, length in item(row, "sections")}
    copy = raw(row, "marks")
    erased = scratch.vouched(names.record(held.agency, held.record_id, revision))
    if held.state == "expired":
        _expired(held, sections, copy, erased, what)
        return
    body = found[1]
    if held.state == "active" and erased is not None and erased[0] != NOTHING:
        body = erased[0]  # its index rows went with their epoch; the event vouches for the rest
    elif (held.state == "withdrawn") != (erased is not None):
        raise false(what, f"state {held.state}, by the log {'erased' if erased else 'not erased'}")
    if record_body(salt, held) != body:
        raise false(what, "row, index or wraps are not what was logged")
    copied = [copy[at : at + _MARK] for at in range(0, len(copy), _MARK)]
    if sorted(entry[:-_KIND] for entry in held.entries) != sorted(copied):
        raise false(what, "the row's copy of its index")
    stated = {part.name: (part.digest, part.length) for part in decode_header(header).sections}
    if sections != ({} if held.state == "withdrawn" else stated):
        raise false(what, "sections are not what the agency signed")


def _expired(
    held: RecordRow,
    sections: dict[str, tuple[bytes, int]],
    copy: bytes,
    erased: tuple[bytes, str, int, bool] | None,
    what: str,
) -> None:
    if erased is None:
        raise false(what, "erased, and no event says so")
    if held.entries or held.wraps or held.kinds or held.expiry or sections or copy:
        raise false(what, "erased, and something is left")
    if erased[0] != expired_digest(held):
        raise false(what, f"not what {erased[1]} left of it")


def expired_digest(row: RecordRow) -> bytes:
    """What the event of an erasure vouches for: the row as it is left."""
    return row_digest(
        "record",
        {
            "agency": row.agency,
            "record": row.record_id,
            "revision": row.revision,
            "entity": row.entity,
            "domain": row.domain,
            "epoch": row.epoch,
            "marking": row.marking,
            "embargoed": int(row.embargoed),
        },
    )


def _sha(signed: Signed) -> bytes:
    return hashlib.sha256(signed.payload).digest()


def _keks(row: dict[str, Any]) -> list[KekWrap]:
    return [
        KekWrap(recipient, bytes.fromhex(key_id), bytes.fromhex(sealed))
        for recipient, key_id, sealed in item(row, "keks")
    ]
