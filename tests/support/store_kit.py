"""A hub's database to begin with, and rows for its stores, as its steps would make them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from contextlib import closing
from functools import cache
from pathlib import Path

from passerelle.audit.rows import RecordRow
from passerelle.record import Section
from passerelle_hub.store import Database, Transaction, batches, records
from passerelle_hub.store.batches import NewBatch
from passerelle_hub.store.records import NewRecord


@cache
def _migrated() -> bytes:
    """What migrations make of a new file; `tests/contracts/test_migrations.py` runs them one by one."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "hub.db"
        with closing(Database(f"sqlite:///{file}")) as database:
            database.migrate()
        return file.read_bytes()


def migrated(file: Path) -> str:
    """The URL of a new file with the newest schema and no rows but the migrations' own."""
    file.touch(0o600, exist_ok=False)
    file.write_bytes(_migrated())
    return f"sqlite:///{file}"


def new_batch(tx: Transaction, agency: str = "police", sequence: int = 1) -> int:
    """An indexed batch; returns its key."""
    return batches.put(
        tx,
        NewBatch(
            agency, os.urandom(16), sequence, bytes(32), b"statement", "ter", 1, "indexed", 5, b"receipt"
        ),
    )


def new_record(
    batch_pk: int,
    number: int,
    *,
    agency: str = "police",
    revision: int = 1,
    state: str = "active",
    marks: Sequence[bytes] = (bytes(16), bytes(16)),
    expiry: int | None = None,
) -> NewRecord:
    """A record with a section and two wraps, its number as its id and, unless another is given, its expiry.

    A withdrawn one is under an embargo.
    """
    name = f"section {number}"
    row = RecordRow(
        agency=agency,
        record_id=number.to_bytes(16, "big"),
        revision=revision,
        state=state,
        entity="person",
        domain="ter",
        epoch=1,
        marking=b"\0marking\xff",
        kinds=b"\0\1",
        expiry=number if expiry is None else expiry,
        embargoed=state == "withdrawn",
        entries=tuple(mark + b"\0\1" for mark in marks),
        wraps=((name, "customs", b"wrap"), (name, "prisons", b"wrap")),
    )
    return NewRecord(
        row,
        batch_pk,
        position=number,
        header=b"header",
        decision="d" * 32,
        sections=(Section(name, b"\0cipher"),),
    )


def store(tx: Transaction, new: Sequence[NewRecord]) -> dict[bytes, int]:
    """Store records of the police; returns their keys."""
    return records.put(tx, new, records.revisions(tx, "police", [one.row.record_id for one in new]))
