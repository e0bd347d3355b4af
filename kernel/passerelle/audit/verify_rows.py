"""Verification of an export's rows: everything the hub holds against what the log's events vouch for.

(1) plain tables: each row's digest is what the newest event of its subject vouched for;
(2) decisions: those of one question together, and each decided when it was asked;
(3) nothing is missing: each subject that events say is held has its row.

Batches and records have rules of their own (`verify_records`). A row that rests on an event which the
checkpoint does not cover yet is taken and counted as pending.
"""

from __future__ import annotations

import json
from typing import Any, Final

from passerelle.audit import names
from passerelle.audit.layout import Export
from passerelle.audit.rows import decisions_digest, fields_in, row_digest
from passerelle.audit.scratch import Scratch
from passerelle.audit.verify_log import erased_before, false
from passerelle.errors import PasserelleError

SPECIAL: Final = frozenset({"batch", "chain", "counter", "decision", "header", "population", "record"})
_NO_ROWS: Final = ("matched", "records", "record", "details")
"""Prefixes of subjects that have no row of their own."""
_ASKED_WITHIN: Final = 60_000_000
"""Microseconds between a decision and the event that names it first, at most."""


def plain(export: Export, scratch: Scratch) -> int:
    """Step 1; returns how many rows.

    Raises:
        PasserelleError: `log_false`, `export_unreadable`.
    """
    count = 0
    for table in export.tables():
        if table in SPECIAL:
            continue
        for row in export.rows(table):
            subject = text(row, "subject")
            if not subject.startswith(f"{table}/"):
                raise false(f"{table} {subject}", "a subject of another table")
            vouched(scratch, subject, row_digest(table, fields_in(item(row, "fields"))))
            count += 1
    return count


def decisions(export: Export, scratch: Scratch) -> int:
    """Step 2; returns how many decisions.

    Raises:
        PasserelleError: `log_false`, `export_unreadable`.
    """
    count = 0
    for row in export.rows("decision"):
        fields = fields_in(item(row, "fields"))
        decided = fields.pop("decided")
        digest = row_digest("decision", fields)
        scratch.run(
            "INSERT INTO decision (id, digest, decided) VALUES (?, ?, ?)", text(row, "id"), digest, decided
        )
        count += 1
    before = erased_before(scratch)
    query = "SELECT place, happened, digest, decisions FROM asked WHERE decisions IS NOT NULL ORDER BY number"
    for place, happened, digest, asked in scratch.all(query):
        named, stored = json.loads(asked)
        for name in named:
            if scratch.one("SELECT 1 FROM decision WHERE id = ?", name) is None:
                raise false(f"decision {name}", f"named by {place} and not there")
        if stored:
            _stored(scratch, place, happened, digest, stored)
    if found := scratch.one("SELECT id FROM decision WHERE seen = 0 AND decided >= ? LIMIT 1", before):
        raise false(f"decision {found[0]}", "no event says that it was stored")
    return count


def _stored(scratch: Scratch, place: str, happened: int, digest: bytes, ids: list[str]) -> None:
    rows: list[bytes] = []
    for name in ids:
        found = scratch.one("SELECT digest, decided, seen FROM decision WHERE id = ?", name)
        if found is None:
            raise false(f"decision {name}", f"stored by {place} and not there")
        if not found[2]:
            if not happened - _ASKED_WITHIN <= found[1] <= happened + _ASKED_WITHIN:
                raise false(f"decision {name}", "decided at another time than it was asked for")
            scratch.run("UPDATE decision SET seen = 1 WHERE id = ?", name)
        rows.append(found[0])
    if decisions_digest(rows) != digest:
        raise false(f"decisions of {place}", "not what was decided: " + ", ".join(ids))


def missing(scratch: Scratch) -> None:
    """Step 3.

    Raises:
        PasserelleError: `log_false`.
    """
    for subject, place in scratch.unseen(_NO_ROWS):
        raise false(subject, f"vouched for by {place} and not there")


def vouched(scratch: Scratch, subject: str, digest: bytes) -> int:
    """Check that the newest event of a subject vouches for a digest; returns the time of its first event.

    Raises:
        PasserelleError: `log_false`.
    """
    found = scratch.vouched(subject)
    if found is None:
        raise false(subject, "no event vouches for it")
    if found[0] != digest:
        raise false(subject, f"not what {found[1]} vouches for")
    return found[2]


def item(row: dict[str, Any], name: str) -> Any:
    """One item of a row.

    Raises:
        PasserelleError: `export_unreadable`.
    """
    try:
        return row[name]
    except KeyError as error:
        raise PasserelleError("export_unreadable", f"a row without {name}") from error


def text(row: dict[str, Any], name: str) -> str:
    """One text of a row.

    Raises:
        PasserelleError: `export_unreadable`.
    """
    value = item(row, name)
    if not isinstance(value, str):
        raise PasserelleError("export_unreadable", f"{name} is no text")
    return value


def number(row: dict[str, Any], name: str) -> int:
    """One whole number of a row.

    Raises:
        PasserelleError: `export_unreadable`.
    """
    value = item(row, name)
    if type(value) is not int:
        raise PasserelleError("export_unreadable", f"{name} is no number")
    return value


def raw(row: dict[str, Any], name: str) -> bytes:
    """Bytes of a row.

    Raises:
        PasserelleError: `export_unreadable`.
    """
    try:
        return bytes.fromhex(text(row, name))
    except ValueError as error:
        raise PasserelleError("export_unreadable", f"{name} is not hexadecimal") from error


def subject_of_batch(row: dict[str, Any]) -> str:
    """The subject of a batch's row."""
    return names.batch(raw(row, "batch"))
