"""Key manifests in the log: each is logged once, and in force from then on."""

from __future__ import annotations

from passerelle.manifest import KeyManifest
from passerelle_hub.audit import Audit, EventKind
from passerelle_hub.logbook import vouch
from passerelle_hub.store import Transaction, manifests


def log_manifest(tx: Transaction, audit: Audit, actor: str, manifest: KeyManifest, signed: bytes) -> bool:
    """Log and keep a verified manifest (`signed` its exact bytes); False where the log holds it already."""
    agency, digest = manifest.agency, manifest.digest
    if manifests.known(tx, agency, digest):
        return False
    vouched = vouch.manifest(agency, manifest.sequence, digest, signed)
    audit.append(
        tx, EventKind.MANIFEST_LOGGED, actor, vouch=vouched, agency=agency, sequence=manifest.sequence
    )
    manifests.put(tx, agency, digest, manifest.sequence, signed)
    return True
