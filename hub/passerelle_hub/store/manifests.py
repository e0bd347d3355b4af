"""Store of key manifests: every one that the log holds, exact bytes, never changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import insert, select

from passerelle_hub.store.database import Transaction
from passerelle_hub.store.tables import key_manifest


@dataclass(frozen=True, slots=True)
class StoredManifest:
    """A manifest: its agency, the SHA-256 of its payload, its number, its signed bytes."""

    agency: str
    digest: bytes
    sequence: int
    signed: bytes


def known(tx: Transaction, agency: str, digest: bytes) -> bool:
    """Whether a manifest is there."""
    query = select(key_manifest.c.sequence).where(
        key_manifest.c.agency == agency, key_manifest.c.digest == digest
    )
    return tx.execute(query).first() is not None


def put(tx: Transaction, agency: str, digest: bytes, sequence: int, signed: bytes) -> None:
    """Keep a manifest that is not there."""
    row = {"agency": agency, "digest": digest, "sequence": sequence, "signed": signed}
    tx.execute(insert(key_manifest).values(**row))


def every(tx: Transaction) -> Iterator[StoredManifest]:
    """All manifests, by agency and number."""
    query = select(key_manifest).order_by(key_manifest.c.agency, key_manifest.c.sequence)
    for row in tx.execute(query):
        yield StoredManifest(row.agency, bytes(row.digest), row.sequence, bytes(row.signed))
