"""Timestamps of an export (RFC 3161): each is over a checkpoint of this tree, times follow its growth.

(1) each note is a checkpoint of the hub; that the tree had its root is checked while the tree is built
    (`verify_log`);
(2) each answer is an authority's over exactly that text, under the roots that the verifier brings along;
(3) a later tree has no earlier time.

Without roots nothing is said of timestamps: the hub chooses what it exports.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from passerelle.audit.layout import Export
from passerelle.checkpoint import Checkpoint
from passerelle.errors import PasserelleError
from passerelle.note import Note
from passerelle.timestamp import stamped_at

Signed = Callable[[Note, str], Checkpoint]
"""The checkpoint of a note, once the hub's signatures hold; the text names it in the refusal."""


def stamped(export: Export, signed: Signed, size: int) -> Mapping[int, Checkpoint]:
    """Step 1: the checkpoints that were stamped, by their trees' sizes.

    Raises:
        PasserelleError: `log_false`, `note_malformed`, `export_unreadable`.
    """
    found: dict[int, Checkpoint] = {}
    for number in export.stamped():
        checkpoint = signed(Note.parse(export.read(f"timestamps/{number}.note")), f"timestamp {number}")
        if checkpoint.size != number or not 0 < number <= size:
            raise PasserelleError(
                "log_false", f"timestamp {number}: a tree that the checkpoint does not extend"
            )
        found[number] = checkpoint
    return found


def check_stamps(export: Export, stamps: Mapping[int, Checkpoint], roots_pem: bytes) -> int:
    """Steps 2 and 3; returns how many hold.

    Raises:
        PasserelleError: `log_false`, `timestamp_unsupported`, `certificate_malformed`.
    """
    last = 0
    for size, checkpoint in sorted(stamps.items()):
        what = f"timestamp {size}"
        try:
            at = stamped_at(export.read(f"timestamps/{size}.tsr"), checkpoint.text(), roots_pem)
        except PasserelleError as error:
            if error.code == "timestamp_invalid":
                raise PasserelleError("log_false", f"{what}: {error.code}") from error
            raise
        if at < last:
            raise PasserelleError("log_false", f"{what}: earlier than that of a smaller tree")
        last = at
    return len(stamps)
