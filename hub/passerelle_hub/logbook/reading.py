"""What others read of the log: checkpoints, proofs, tiles; each answer from one consistent state.

Who may ask for what: a commitment is 32 random-looking bytes, so whoever knows one may have its proof. By
subject a caller gets its own notifications and anybody's key manifest; everything else is as if it were not
there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from passerelle.audit.tiles import Tile
from passerelle.checkpoint import Checkpoint
from passerelle.errors import PasserelleError
from passerelle.identity import Identity
from passerelle.log_proof import EventProof
from passerelle.note import Note
from passerelle_hub.logbook.witnesses import cosigned
from passerelle_hub.store import Database, Transaction, cosignatures, log_store
from passerelle_hub.store.log_store import StoredCheckpoint
from passerelle_hub.transparency import Transparency, latest, tile_of

MAX_PROOFS: Final = 200
MAX_TILES: Final = 24
MAX_WITNESSES: Final = 32


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """The newest checkpoint and the one offered to witnesses (may be empty), as notes."""

    note: bytes
    offered: bytes


@dataclass(frozen=True, slots=True)
class Proofs:
    """Proofs against one checkpoint, as a note."""

    note: bytes
    proofs: tuple[EventProof, ...]


class LogReader:
    """Answers from the log. Blocking; called off the event loop, by any thread."""

    def __init__(self, database: Database, transparency: Transparency) -> None:
        self._database = database
        self._transparency = transparency

    def checkpoints(self) -> Checkpoints:
        """The newest checkpoint, and what witnesses are asked to cosign.

        Raises:
            PasserelleError: `proof_unavailable`, none was signed yet.
        """
        with self._database.read() as tx:
            newest, offered = latest(tx), log_store.offered_checkpoint(tx)
            shown = cosigned(tx, offered.size, offered.note) if offered else b""
            return Checkpoints(cosigned(tx, newest.size, newest.note), shown)

    def prove(
        self, peer: Identity, commitments: Sequence[bytes], subjects: Sequence[str], witnesses: int = 0
    ) -> Proofs:
        """Proofs of what the caller may ask for and the newest checkpoint that so many cosigned covers.

        Raises:
            PasserelleError: `proof_unavailable`, no such checkpoint yet; `message_malformed`, too many at
                once, or a subject that no event has.
        """
        if len(commitments) + len(subjects) > MAX_PROOFS:
            raise PasserelleError("message_malformed", f"more than {MAX_PROOFS} proofs at once")
        if witnesses > MAX_WITNESSES:
            raise PasserelleError("message_malformed", f"more than {MAX_WITNESSES} witnesses")
        if any("\0" in subject for subject in subjects):
            raise PasserelleError("message_malformed", "a text with NUL")
        own = (f"notification/{peer.agency}/", "manifest/")
        with self._database.read() as tx:
            stored = _witnessed(tx, witnesses) if witnesses else latest(tx)
            size = Checkpoint.parse(Note.parse(stored.note).text).size
            events = [
                *log_store.places(tx, commitments),
                *log_store.newest(tx, [subject for subject in subjects if subject.startswith(own)]),
            ]
            proofs = self._transparency.prove(tx, events, size)
            note = cosigned(tx, stored.size, stored.note) if witnesses else stored.note
            return Proofs(note, proofs)

    def consistency(self, old: int, new: int) -> tuple[bytes, ...]:
        """That one tree extends another.

        Raises:
            PasserelleError: `proof_unavailable`.
        """
        with self._database.read() as tx:
            return self._transparency.consistency(tx, old, new)

    def tiles(self, paths: Sequence[str]) -> tuple[bytes, ...]:
        """Tiles by their paths.

        Raises:
            PasserelleError: `tile_unknown`; `message_malformed`, too many at once.
        """
        if len(paths) > MAX_TILES:
            raise PasserelleError("message_malformed", f"more than {MAX_TILES} tiles at once")
        tiles = [Tile.parse(path) for path in paths]
        with self._database.read() as tx:
            return tuple(tile_of(tx, tile) for tile in tiles)


def _witnessed(tx: Transaction, witnesses: int) -> StoredCheckpoint:
    size, _ = cosignatures.newest(tx, witnesses)
    found = log_store.checkpoint_of(tx, size) if size else None
    if found is None:
        raise PasserelleError("proof_unavailable", f"no checkpoint that {witnesses} cosigned")
    return found
