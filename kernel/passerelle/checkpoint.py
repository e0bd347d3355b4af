"""Checkpoints of the log in the C2SP tlog-checkpoint form: origin, size, root hash in base64.

The text is signed as a whole (hybrid), see `passerelle.sign`; timestamps are left out on purpose, since a
checkpoint speaks of a tree and not of a moment.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from passerelle.errors import PasserelleError

CHECKPOINT_TYPE = "application/vnd.passerelle.checkpoint.v1"
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
        if rest or not origin or parsed.size < 0 or len(parsed.root) != _HASH or parsed.text() != text:
            raise PasserelleError("message_malformed", "not a canonical checkpoint")
        return parsed
