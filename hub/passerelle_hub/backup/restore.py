"""A database from a copy and the changes after it.

(1) nothing is there yet where it is to be;
(2) the copy opens with the operator's key, is signed by this hub, and its index was made with this pepper;
(3) the copy, into a draft beside its place;
(4) changes after it, found by number and predecessor, whichever file they are in. Where a transaction was
    killed before its commit there are two of one number: the one that others follow counts, else the later;
(5) a gap, with later changes beyond it, is refused unless the loss is accepted; then every erasure in what
    lies beyond is carried out all the same, and all of them must be there;
(6) the changes are applied and the database is checked;
(7) the log is held against a checkpoint that witnesses or partners know: it is in the restored tree, or the
    restored hub would fork the log;
(8) the draft is told that it was restored (`recovery`), before anybody can open it as a hub's: it matches
    nothing before every connector has compared what it believes the hub holds;
(9) the draft, on disk by now, takes its place.
"""

from __future__ import annotations

import os
import secrets
from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from passerelle import merkle
from passerelle.checkpoint import Checkpoint, verify_checkpoint
from passerelle.errors import PasserelleError
from passerelle.note import Note
from passerelle.privatefile import sync_folder
from passerelle.seal import SealingKey
from passerelle.sealed_file import SealedFile, open_file
from passerelle.sign import VerifyingKey
from passerelle_hub.backup.archive import CHANGES, COPY, files
from passerelle_hub.backup.copying import pepper_check
from passerelle_hub.store import Database, changes, log_store
from passerelle_hub.store.changes import Change, Position


@dataclass(frozen=True, slots=True)
class Source:
    """A backup folder and what opens it. `hub` is the identity that must have written it."""

    folder: Path
    hub: str
    writer: VerifyingKey
    operator: SealingKey = field(repr=False)


@dataclass(frozen=True, slots=True)
class Restored:
    """What was restored: the last change, how many were applied, what must be erased still (record keys)."""

    position: Position
    applied: int
    erase: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a change lies, without its content."""

    file: Path
    position: Position
    previous: bytes
    written: int
    erased: tuple[int, ...]


def restore(
    source: Source,
    target: Path,
    pepper: bytes,
    begin: Callable[[Database, Restored], None],
    *,
    checkpoint: Note | None = None,
    accept_loss: bool = False,
) -> Restored:
    """Restore the newest copy and everything after it; `begin` is step 8.

    Raises:
        PasserelleError: `restore_target_exists`, `backup_missing`, `backup_malformed`, `backup_key_wrong`,
            `backup_pepper_wrong`, `backup_truncated`, `backup_altered`, `backup_incomplete`,
            `backup_older_than_erasure`, `backup_behind_checkpoint`.
    """
    if target.exists():  # (1)
        raise PasserelleError("restore_target_exists", target.name)
    draft = target.with_name(f".{target.name}.{secrets.token_hex(8)}.restore")
    try:
        _copy(source, draft, pepper)  # (2) (3)
        start = changes.position(draft)
        places = tuple(_places(source))
        chain = _chain(start, places)  # (4)
        end = chain[-1].position if chain else start
        erase = _lost(end, places, accept_loss=accept_loss)  # (5)
        applied = changes.apply(draft, _contents(source, chain))  # (6)
        if checkpoint is not None:
            _held_against(draft, verify_checkpoint(checkpoint, source.hub, source.writer))  # (7)
        elif accept_loss:
            raise PasserelleError("backup_behind_checkpoint", "a loss is accepted with a checkpoint alone")
        restored = Restored(end, applied, erase)
        with closing(Database(f"sqlite:///{draft}")) as database:
            begin(database, restored)  # (8)
        _synchronise(draft)
        draft.rename(target)  # (9)
        sync_folder(target.absolute().parent)
    finally:
        for left in draft.parent.glob(f"{draft.name}*"):
            left.unlink()
    return restored


def _synchronise(draft: Path) -> None:
    """Changes are applied without waiting for the disk; here it is waited for, once."""
    with draft.open("rb") as file:
        os.fsync(file.fileno())


@contextmanager
def _opened(source: Source, path: Path, kind: str) -> Generator[SealedFile]:
    with path.open("rb") as file:
        sealed = open_file(file, source.writer, source.operator)
        if (sealed.head.kind, sealed.head.sender) != (kind, source.hub):
            raise PasserelleError("backup_malformed", f"{path.name}: of another hub, or renamed")
        yield sealed


def _copy(source: Source, draft: Path, pepper: bytes) -> None:
    copies = tuple(files(source.folder, COPY))
    if not copies:
        raise PasserelleError("backup_missing", "no copy")
    with _opened(source, copies[-1], COPY) as sealed:
        if sealed.head.facts.get("pepper") != pepper_check(pepper):
            raise PasserelleError("backup_pepper_wrong", "another pepper")
        draft.touch(0o600)
        with draft.open("wb") as plain:
            for piece in sealed.pieces():
                plain.write(piece)


def _places(source: Source) -> Iterator[_Place]:
    """Every change of the folder; one is held at a time."""
    for path in files(source.folder, CHANGES):
        for change in _read(source, path):
            yield _Place(path, change.position, change.previous, change.written, change.erased)


def _read(source: Source, path: Path) -> Iterator[Change]:
    with _opened(source, path, CHANGES) as sealed:
        for piece in sealed.pieces(growing=True):
            if piece:
                yield changes.decode(piece)


def _chain(start: Position, places: Sequence[_Place]) -> tuple[_Place, ...]:
    """(4) The changes that follow a position, one after the other."""
    following: defaultdict[tuple[int, bytes], list[_Place]] = defaultdict(list)
    for place in places:
        following[place.position.number, place.previous].append(place)
    chain: list[_Place] = []
    at = start
    while rivals := following.get((at.number + 1, at.digest)):
        going_on = [one for one in rivals if (at.number + 2, one.position.digest) in following]
        chain.append(max(going_on or rivals, key=lambda one: one.written))
        at = chain[-1].position
    return tuple(chain)


def _lost(end: Position, places: Sequence[_Place], *, accept_loss: bool) -> tuple[int, ...]:
    """(5) What was erased in changes beyond a gap."""
    beyond = {place.position.number: place for place in places if place.position.number > end.number}
    if not beyond:
        return ()
    if not accept_loss:
        missing = min(beyond) - end.number - 1
        raise PasserelleError("backup_incomplete", f"{missing} changes after {end.number}")
    erased = tuple(one for place in beyond.values() for one in place.erased)
    total = max(place.position.erasures for place in beyond.values())
    if end.erasures + len(erased) < total:
        missing = total - end.erasures - len(erased)
        raise PasserelleError("backup_older_than_erasure", f"{missing} erasures are not known")
    return erased


def _contents(source: Source, chain: Iterable[_Place]) -> Iterator[Change]:
    """The chosen changes with their content; each file is read once, in step with the chain."""
    reading: dict[Path, Iterator[Change]] = {}
    for place in chain:
        if place.file not in reading:
            reading[place.file] = _read(source, place.file)
        for change in reading[place.file]:
            if change.position == place.position:
                yield change
                break


def _held_against(draft: Path, known: Checkpoint) -> None:
    """(7) The tree of the draft extends the one that a checkpoint names."""
    with closing(Database(f"sqlite:///{draft}")) as database:
        hold_against(database, known)


def hold_against(database: Database, known: Checkpoint) -> None:
    """Check that the log of a database contains the tree of a verified checkpoint.

    Raises:
        PasserelleError: `backup_behind_checkpoint`.
    """
    with database.read() as tx:
        size = log_store.size(tx)
        if known.size > size:
            raise PasserelleError("backup_behind_checkpoint", f"{size} leaves, {known.size} are known")
        if merkle.stored_root(log_store.Nodes(tx), known.size) != known.root:
            raise PasserelleError("backup_behind_checkpoint", f"another tree of {known.size} leaves")
