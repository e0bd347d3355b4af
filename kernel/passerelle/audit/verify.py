"""The offline verifier: an export, the registry's key, nothing else.

(1) who is who: registry entries and key manifests of the export, under the registry's key;
(2) the log: signatures, tree, ticks, events, cosignatures (`verify_log`);
(3) what the hub holds, against the log (`verify_rows`, `verify_records`), manifests with the time from which
    the log holds them.

The first false thing is named and ends the verification: whatever hangs on it proves nothing. Memory holds
one tick or one batch, the rest is in a temporary file. Verification raises, it never returns a bool.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from passerelle.audit import names, verify_records, verify_rows
from passerelle.audit.layout import Export
from passerelle.audit.parties import Parties
from passerelle.audit.rows import fields_in
from passerelle.audit.scratch import Scratch, scratch
from passerelle.audit.verify_log import LogCheck, LogFigures, false
from passerelle.errors import PasserelleError
from passerelle.sign import VerifyingKey

_SHAPES: Final = (LookupError, TypeError, ValueError, AttributeError, OverflowError, sqlite3.Error)
"""What a line of another form than an honest hub's ends in, wherever it is read; it is never taken."""


@dataclass(frozen=True, slots=True)
class Verified:
    """What was verified, in figures; `pending` rows rest on events that no checkpoint covers yet."""

    log: LogFigures
    batches: int
    revisions: int
    records: int
    decisions: int
    rows: int
    pending: int


def verify_export(
    folder: Path, registry_key: VerifyingKey, quorum: int, timestamp_roots: bytes = b""
) -> Verified:
    """Check everything in an export; timestamps where the roots (PEM) of their authority are given.

    Raises:
        PasserelleError: `log_false`, naming the first false thing; `export_unreadable`; `note_malformed`.
    """
    try:
        return _verified(Export(folder), registry_key, quorum, timestamp_roots)
    except _SHAPES as error:
        raise PasserelleError("export_unreadable", f"of another form: {type(error).__name__}") from error


def _verified(export: Export, registry_key: VerifyingKey, quorum: int, roots: bytes) -> Verified:
    parties = Parties(registry_key)
    with scratch() as memory:
        _entries(export, parties)
        _manifests(export, parties, None)
        log = LogCheck(export, parties, memory).run(quorum, roots)  # (2)
        known = Parties(registry_key)
        _entries(export, known)
        _manifests(export, known, memory)
        return _held(export, known, memory, log)  # (3)


def _held(export: Export, parties: Parties, memory: Scratch, log: LogFigures) -> Verified:
    closed = max((tick.closed for tick in export.ticks(log.ticks)), default=0)
    batches = verify_records.BatchCheck(export, parties, memory).run(closed)
    revisions = verify_records.headers(export, memory)
    records = verify_records.records(export, memory)
    decisions = verify_rows.decisions(export, memory)
    rows = verify_rows.plain(export, memory)
    verify_rows.missing(memory)
    return Verified(log, batches, revisions, records, decisions, rows, memory.pending())


def _entries(export: Export, parties: Parties) -> None:
    for row in export.rows("agency"):
        subject = verify_rows.text(row, "subject")
        try:
            entry = parties.add_entry(_bytes(row, "entry"))
        except PasserelleError as error:
            raise false(subject, error.code) from error
        if subject != names.agency(entry.agency):
            raise false(subject, f"the entry of {entry.agency}")


def _manifests(export: Export, parties: Parties, memory: Scratch | None) -> None:
    """Manifests, at first whenever they were logged, then with the time that the log says."""
    for row in export.rows("manifest"):
        subject = verify_rows.text(row, "subject")
        agency = subject.split("/")[1]
        logged = 0
        if memory is not None:
            found = memory.one("SELECT first FROM vouched WHERE subject = ?", subject)
            if found is None:
                raise false(subject, "no event vouches for it")
            logged = int(found[0])
        try:
            manifest = parties.add_manifest(agency, _bytes(row, "signed"), logged)
        except PasserelleError as error:
            raise false(subject, error.code) from error
        if subject != names.manifest(agency, manifest.digest):
            raise false(subject, "another manifest")


def _bytes(row: dict[str, object], name: str) -> bytes:
    value = fields_in(verify_rows.item(row, "fields")).get(name)
    if not isinstance(value, bytes):
        raise PasserelleError("export_unreadable", f"{name} is not there")
    return value
