"""Following a log as a witness does: what it showed once, it must go on showing.

(1) a checkpoint counts once both signatures of the log hold;
(2) against the largest one seen before: of the same size it must be the same; a larger or smaller one must be
    consistent with it (RFC 6962, 2.1.2), by a proof of the log. Anything else is a *split view*: both notes
    are signed by the log, so they are proof against it. They are kept as evidence, and nothing is believed;
(3) the checkpoint that the log offers is cosigned, once, after (1) and (2).

State is a folder: `known`, the largest checkpoint verified, written whole and never back; `evidence/`, a
folder for each alarm, never deleted. One follower a folder at a time.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from passerelle.checkpoint import Checkpoint
from passerelle.clock import SECOND, Clock
from passerelle.entry_files import naming
from passerelle.errors import PasserelleError
from passerelle.keyfile import write_durably
from passerelle.log import get_logger
from passerelle.log_proof import EventProof
from passerelle.merkle import verify_consistency
from passerelle.note import Note, cosign_note, lines_of
from passerelle.privatefile import make_folder, sync_folder
from passerelle.sign import SigningKey

_LOG: Final = get_logger("follow")
_MODE: Final = 0o600
Check = Callable[[Note], Checkpoint]
"""Verifies a checkpoint's note under the log's keys; raises where it does not hold."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What a log shows: its newest checkpoint, and the one it offers to witnesses (None at first)."""

    newest: Note
    offered: Note | None


class LogPort(Protocol):
    """A hub's Transparency.

    Raises:
        PasserelleError: the hub's code, or `peer_unavailable`, `peer_timeout`; all methods.
    """

    async def checkpoints(self) -> Shown:
        """The newest checkpoint and the offered one, not yet verified."""
        ...

    async def consistency(self, old: int, new: int) -> tuple[bytes, ...]:
        """Proof that one tree extends another, not yet verified."""
        ...

    async def prove(
        self, commitments: Sequence[bytes], subjects: Sequence[str], *, witnesses: int = 0
    ) -> tuple[Note, tuple[EventProof, ...]]:
        """Proofs of those events that the checkpoint beside them covers, not yet verified.

        The checkpoint is the newest that so many witnesses cosigned, with their lines; for 0, the newest.
        """
        ...

    async def cosign(self, note: Note) -> None:
        """Hand in a note that carries our cosignature."""
        ...


def kept_alarms(folder: Path) -> tuple[str, ...]:
    """The alarms in a folder of evidence, oldest first: time, code and digest each."""
    return tuple(path.name for path in sorted(folder.glob("*-*-*")))


class Evidence:
    """Where alarms are kept, with what proves them."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock

    def keep(self, code: str, about: bytes, files: Mapping[str, bytes]) -> Path:
        """Keep an alarm's files, all of them or none; what is `about` the same is kept once."""
        digest = hashlib.sha256(about).hexdigest()[:16]
        known = sorted(self._folder.glob(f"*-{code}-{digest}"))
        if known:
            return known[0]
        place = self._folder / f"{self._clock.now() // SECOND}-{code}-{digest}"
        draft = self._folder / f"draft-{digest}"  # of a crash, where it is there
        shutil.rmtree(draft, ignore_errors=True)
        make_folder(draft)
        for name, content in files.items():
            write_durably(draft / name, content, mode=_MODE)
        draft.rename(place)
        sync_folder(self._folder)
        _LOG.error("alarm", code=code, detail=place.name)
        return place

    def alarms(self) -> tuple[str, ...]:
        """The alarms kept, oldest first."""
        return kept_alarms(self._folder)


class Follower:
    """Follows one log."""

    def __init__(self, folder: Path, port: LogPort, check: Check, clock: Clock) -> None:
        make_folder(folder)
        self.evidence: Final = Evidence(folder / "evidence", clock)
        self._folder = folder
        self._port = port
        self._check = check
        self._clock = clock

    async def see(self, note: Note) -> Checkpoint:
        """The checkpoint inside, once steps 1 and 2 hold.

        Raises:
            PasserelleError: `log_forked`, with evidence; what check and port raise.
        """
        found = self._check(note)  # (1)
        known = self._known()
        if known is None:
            self._keep(note)
            return found
        before = Checkpoint.parse(known.text)
        if found.origin != before.origin:
            raise PasserelleError("log_forked", "a checkpoint of another log")
        small, large = sorted((before, found), key=lambda one: one.size)
        if small.size == large.size:
            if small.root != large.root:
                self._forked(known, note, ())
        elif small.size:
            await self._extends(known, note, small, large)
        if found.size > before.size:
            self._keep(note)
        return found

    async def follow(self, key: SigningKey | None = None, name: str = "") -> Checkpoint:
        """Look at what the log shows; cosign what it offers where a key is given (3).

        Raises:
            PasserelleError: as `see`; what the hub refuses.
        """
        shown = await self._port.checkpoints()
        newest = await self.see(shown.newest)
        if shown.offered is not None:
            await self.see(shown.offered)
            if key is not None and not lines_of(shown.offered, name):
                lines = cosign_note(key, name, shown.offered.text, self._clock.now() // SECOND)
                await self._port.cosign(Note(shown.offered.text, lines))
        return newest

    async def _extends(self, known: Note, note: Note, small: Checkpoint, large: Checkpoint) -> None:
        path = await self._port.consistency(small.size, large.size)
        try:
            verify_consistency(small.size, large.size, path, small.root, large.root)
        except PasserelleError:
            self._forked(known, note, path)

    def _forked(self, known: Note, note: Note, path: Sequence[bytes]) -> None:
        files = {"known": known.to_bytes(), "shown": note.to_bytes(), "proof": b"".join(path)}
        place = self.evidence.keep("log_forked", known.text + note.text, files)
        raise PasserelleError("log_forked", f"evidence in {place.name}")

    def _known(self) -> Note | None:
        try:
            with naming(self._folder / "known"):
                return Note.parse((self._folder / "known").read_bytes())
        except FileNotFoundError:
            return None

    def _keep(self, note: Note) -> None:
        write_durably(self._folder / "known", note.to_bytes(), mode=_MODE, replace=True)
