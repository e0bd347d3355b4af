"""An event's proof holds for that event, that place and that checkpoint only."""

from __future__ import annotations

from dataclasses import replace

import pytest

from passerelle import merkle
from passerelle.checkpoint import Checkpoint
from passerelle.errors import PasserelleError
from passerelle.log_proof import verify_log_proof
from passerelle.notification import LogProof

EVENTS = [bytes([at]) * 32 for at in range(3)]
SALT = bytes(range(32))
TICK = merkle.TickTree(EVENTS, merkle.TICK_DEPTH, SALT)
LEAVES = [b"before" * 5, TICK.root, b"after" * 6]


def _proof() -> tuple[LogProof, Checkpoint]:
    nodes = merkle.MemoryNodes()
    merkle.append_leaves(nodes, 0, LEAVES)
    root = merkle.stored_root(nodes, 3)
    proof = LogProof(TICK.slots[2], TICK.path(2), 1, merkle.stored_inclusion(nodes, 1, 3), 3, root)
    return proof, Checkpoint("hub.example/log", 3, root)


def test_an_event_in_the_log_verifies() -> None:
    proof, checkpoint = _proof()
    verify_log_proof(proof, EVENTS[2], checkpoint)
    assert len(proof.event_path) == merkle.TICK_DEPTH


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"event_index": 2**20}, "proof_malformed"),
        ({"event_index": TICK.slots[1]}, "proof_invalid"),
        ({"event_path": ()}, "proof_malformed"),
        ({"tick": 0}, "proof_invalid"),
        ({"tick": 3}, "proof_malformed"),
        ({"tick_path": ()}, "proof_malformed"),
        ({"tree_size": 2}, "proof_invalid"),
        ({"root": bytes(32)}, "proof_invalid"),
    ],
    ids=str,
)
def test_changed_proofs_are_refused(change: dict[str, object], code: str) -> None:
    proof, checkpoint = _proof()
    with pytest.raises(PasserelleError) as error:
        verify_log_proof(replace(proof, **change), EVENTS[2], checkpoint)  # type: ignore[arg-type]  # one field a case
    assert error.value.code == code


def test_another_event_is_refused() -> None:
    proof, checkpoint = _proof()
    with pytest.raises(PasserelleError) as error:
        verify_log_proof(proof, EVENTS[0], checkpoint)
    assert error.value.code == "proof_invalid"
