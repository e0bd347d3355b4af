"""Rows for the hub's stores, as its steps would make them."""

from __future__ import annotations

import os
from collections.abc import Sequence

from passerelle.record import Section, SectionKeyWrap
from passerelle_hub.store import Transaction, batches, records
from passerelle_hub.store.batches import NewBatch
from passerelle_hub.store.records import NewRecord


def new_batch(tx: Transaction, agency: str = "police", sequence: int = 1) -> int:
    """An indexed batch; returns its key."""
    return batches.put(
        tx,
        NewBatch(agency, os.urandom(16), sequence, bytes(32), b"statement", "ter", 1, "indexed", 5),
    )


def new_record(batch_pk: int, number: int, *, agency: str = "police", revision: int = 1) -> NewRecord:
    """A record with a section and two wraps, its number as its id."""
    name = f"section {number}"
    return NewRecord(
        agency=agency,
        record_id=number.to_bytes(16, "big"),
        revision=revision,
        batch_pk=batch_pk,
        position=number,
        state="active",
        entity="person",
        domain="ter",
        epoch=1,
        marking=b"\0marking\xff",
        kinds=b"\0\1",
        marks=bytes(16) * 2,
        expiry=number,
        header=b"header",
        decision="d" * 32,
        sections=(Section(name, b"\0cipher"),),
        wraps=(SectionKeyWrap("customs", name, b"wrap"), SectionKeyWrap("prisons", name, b"wrap")),
    )


def store(tx: Transaction, new: Sequence[NewRecord]) -> dict[bytes, int]:
    """Store records of the police; returns their keys."""
    return records.put(tx, new, records.revisions(tx, "police", [row.record_id for row in new]))
