"""Verification of an event's proof: event in its tick, tick in the log.

(1) the event's commitment and its path give the root of the tick;
(2) that root is the content of a leaf of the log;
(3) the log is the one of a checkpoint whose signature the caller has verified.
"""

from __future__ import annotations

from passerelle import merkle
from passerelle.checkpoint import Checkpoint
from passerelle.errors import PasserelleError
from passerelle.notification import LogProof


def verify_log_proof(proof: LogProof, commitment: bytes, checkpoint: Checkpoint) -> None:
    """Check that the event with this commitment (32 bytes) stands in the log of a verified checkpoint.

    Raises:
        PasserelleError: `proof_malformed`; `proof_invalid`, also where the proof is for another tree.
    """
    if (proof.tree_size, proof.root) != (checkpoint.size, checkpoint.root):
        raise PasserelleError("proof_invalid", f"proof for {proof.tree_size} of {checkpoint.size} leaves")
    tick = merkle.tick_root_from_path(commitment, proof.event_index, proof.event_path)  # (1)
    merkle.verify_inclusion(tick, proof.tick, checkpoint.size, proof.tick_path, checkpoint.root)  # (2), (3)
