"""Witnesses: cosignatures of the checkpoint that is offered, checked, kept and handed out with it.

(1) the note handed in is one of our own checkpoints, word for word; (2) both lines of the caller hold under a
signing key of its manifest that is valid now; (3) audited, then kept, once for each witness and checkpoint.
"""

from __future__ import annotations

from passerelle.checkpoint import Checkpoint
from passerelle.clock import Clock
from passerelle.errors import PasserelleError
from passerelle.identity import Identity
from passerelle.note import Note, lines_of, verify_cosignature
from passerelle_hub.audit import Audit, EventKind
from passerelle_hub.registry import Registry
from passerelle_hub.store import Database, Transaction, cosignatures, log_store


class Witnesses:
    """Takes cosignatures. Blocking; called on a write thread of the hub."""

    def __init__(self, database: Database, registry: Registry, audit: Audit, clock: Clock) -> None:
        self._database = database
        self._registry = registry
        self._audit = audit
        self._clock = clock

    def cosign(self, peer: Identity, note: Note) -> None:
        """Take a witness's cosignature.

        Raises:
            PasserelleError: `cosignature_refused`, `note_unsigned`, `note_signature_invalid`,
                `message_malformed`.
        """
        size = Checkpoint.parse(note.text).size
        with self._database.write() as tx:
            ours = log_store.checkpoint_of(tx, size)
            if ours is None or Note.parse(ours.note).text != note.text:  # (1)
                raise PasserelleError("cosignature_refused", f"no checkpoint of ours of {size} leaves")
            if peer.agency in cosignatures.witnesses(tx, size):
                return
            self._verify(peer, note)  # (2)
            self._audit.append(tx, EventKind.LOG_COSIGNED, str(peer), size=size)  # (3)
            lines = Note(note.text, lines_of(note, str(peer))).to_bytes()
            cosignatures.put(tx, size, peer.agency, self._clock.now(), lines)

    def _verify(self, peer: Identity, note: Note) -> None:
        now = self._clock.now()
        refusal = PasserelleError("cosignature_refused", f"{peer.agency} has no signing key")
        for entry in self._registry.manifest(peer.agency).signing_keys:
            if not entry.covers(now):
                continue
            try:
                verify_cosignature(note, str(peer), entry.key)
            except PasserelleError as error:
                refusal = error
                continue
            return
        raise refusal


def cosigned(tx: Transaction, size: int, note: bytes) -> bytes:
    """A checkpoint's note with the cosignatures that it has."""
    whole = Note.parse(note)
    for raw in cosignatures.of(tx, size):
        whole = whole.having(*Note.parse(raw).lines)
    return whole.to_bytes()
