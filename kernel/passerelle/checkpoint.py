"""Checkpoints of the log (C2SP tlog-checkpoint): a signed note of three lines: origin, size, root in base64.

A checkpoint speaks of a tree and not of a moment, so it has no time; witnesses put theirs into their
cosignatures (`passerelle.note`).
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from passerelle.errors import PasserelleError
from passerelle.note import Note, sign_note, verify_note
from passerelle.record import MAX_LARGE
from passerelle.sign import SigningKey, VerifyingKey

_HASH = 32


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree: who keeps it (`origin`), how many leaves, its root (32 bytes)."""

    origin: str
    size: int
    root: bytes

    def text(self) -> bytes:
        """The three lines of the note."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n".encode()

    @classmethod
    def parse(cls, text: bytes) -> Checkpoint:
        """Read a checkpoint whose signature was verified before.

        Raises:
            PasserelleError: `message_malformed`.
        """
        try:
            origin, size, root, rest = text.decode("utf-8").split("\n")
            parsed = cls(origin, int(size), base64.b64decode(root, validate=True))
        except (ValueError, binascii.Error) as error:
            raise PasserelleError("message_malformed", "not a checkpoint") from error
        sound = origin and 0 <= parsed.size <= MAX_LARGE and len(parsed.root) == _HASH
        if rest or not sound or parsed.text() != text:
            raise PasserelleError("message_malformed", "not a canonical checkpoint")
        return parsed


def sign_checkpoint(key: SigningKey, checkpoint: Checkpoint) -> Note:
    """The checkpoint as a note signed by its log."""
    return sign_note(key, checkpoint.origin, checkpoint.text())


def verify_checkpoint(note: Note, origin: str, key: VerifyingKey) -> Checkpoint:
    """The checkpoint inside, once it is shown to be signed by the log `origin`.

    Raises:
        PasserelleError: `note_unsigned`, `note_signature_invalid`, `message_malformed`.
    """
    checkpoint = Checkpoint.parse(verify_note(note, origin, key))
    if checkpoint.origin != origin:
        raise PasserelleError("message_malformed", "a checkpoint of another log")
    return checkpoint
