"""Verification of an event's proof: event in its tick, tick in the log.

(1) the event's commitment and its path give the root of the tick;
(2) that root is the content of a leaf of the log;
(3) the log is the one of a checkpoint whose signature the caller has verified.

An `EventProof` also says what the event is, as far as whoever asks may know (`passerelle.audit.event`).
"""

from __future__ import annotations

from dataclasses import dataclass

from passerelle import merkle
from passerelle.audit.event import commitment as commit
from passerelle.checkpoint import Checkpoint
from passerelle.errors import PasserelleError
from passerelle.notification import LogProof


@dataclass(frozen=True, slots=True)
class EventProof:
    """An event and where it stands; `vouched` and `inner` are 32 bytes, `vouched` may be empty."""

    kind: str
    happened: int
    subject: str
    vouched: bytes
    inner: bytes
    proof: LogProof

    @property
    def commitment(self) -> bytes:
        """What the log holds of the event (32 bytes)."""
        return commit(self.kind, self.happened, self.subject, self.vouched, self.inner)


def verify_log_proof(proof: LogProof, commitment: bytes, checkpoint: Checkpoint) -> None:
    """Check that the event with this commitment (32 bytes) stands in the log of a verified checkpoint.

    Raises:
        PasserelleError: `proof_malformed`; `proof_invalid`, also where the proof is for another tree.
    """
    if (proof.tree_size, proof.root) != (checkpoint.size, checkpoint.root):
        raise PasserelleError("proof_invalid", f"proof for {proof.tree_size} of {checkpoint.size} leaves")
    tick = merkle.tick_root_from_path(commitment, proof.event_index, proof.event_path)  # (1)
    merkle.verify_inclusion(tick, proof.tick, checkpoint.size, proof.tick_path, checkpoint.root)  # (2), (3)


def verify_event(proof: EventProof, kind: str, subject: str, checkpoint: Checkpoint) -> bytes:
    """What the logged event of a kind vouches for its subject (32 bytes or none), once its proof holds.

    Raises:
        PasserelleError: `proof_invalid`, also for another kind or subject; `proof_malformed`.
    """
    if (proof.kind, proof.subject) != (kind, subject):
        raise PasserelleError("proof_invalid", "an event of another kind or subject")
    verify_log_proof(proof.proof, proof.commitment, checkpoint)
    return proof.vouched
