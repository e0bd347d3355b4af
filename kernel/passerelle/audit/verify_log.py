"""Verification of an export's log: checkpoint, tree, ticks, events, cosignatures.

(1) the checkpoint carries both signatures of the hub, under a key that one of its manifests lists;
(2) each tick is what its events and its salt say, and the leaf of the entries' tile;
(3) the leaves give the root of the checkpoint, and the hash tiles are that tree's;
(4) no event stands twice; one without details was erased by a logged act;
(5) cosignatures of enrolled witnesses hold, and there are as many as demanded;
(6) timestamps are over checkpoints of this tree (`verify_stamps`).

What events vouch for goes into the scratch file, for the rows.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import BinaryIO

from passerelle import merkle
from passerelle.audit import names
from passerelle.audit.event import Event
from passerelle.audit.layout import Export
from passerelle.audit.parties import Parties
from passerelle.audit.scratch import Scratch
from passerelle.audit.tiles import WIDTH, Tile, unpack_entries
from passerelle.audit.verify_stamps import check_stamps, stamped
from passerelle.audit.witnessed import WITNESSES, cosigners
from passerelle.checkpoint import Checkpoint, verify_checkpoint
from passerelle.errors import PasserelleError
from passerelle.identity import Identity
from passerelle.note import Note, lines_of

Shown = Mapping[int, tuple[str, Checkpoint]]
"""Checkpoints of smaller trees that somebody outside was shown, by size, with their names in a refusal."""


@dataclass(frozen=True, slots=True)
class LogFigures:
    """What was verified of the log: leaves, events in them, events beyond, cosignatures, timestamps."""

    ticks: int
    events: int
    tail: int
    cosignatures: int
    timestamps: int = 0


def false(what: str, why: str) -> PasserelleError:
    """The refusal that names the first false thing."""
    return PasserelleError("log_false", f"{what}: {why}")


class LogCheck:
    """Checks the log of one export."""

    def __init__(self, export: Export, parties: Parties, scratch: Scratch) -> None:
        self._export = export
        self._parties = parties
        self._scratch = scratch

    def checkpoint(self) -> tuple[Note, Checkpoint]:
        """Step 1.

        Raises:
            PasserelleError: `log_false`, `note_malformed`.
        """
        note = Note.parse(self._export.read("checkpoint"))
        return note, self._signed(note, "checkpoint")

    def run(self, quorum: int, timestamp_roots: bytes = b"") -> LogFigures:
        """Steps 1 to 6; timestamps are verified where roots (PEM) of their authority are given.

        Raises:
            PasserelleError: `log_false`, and what reading raises.
        """
        note, checkpoint = self.checkpoint()
        offered = self._offered(note, checkpoint)
        stamps = stamped(self._export, self._signed, checkpoint.size)
        shown = {one.size: (f"timestamp {one.size}", one) for one in stamps.values()}
        if (same := shown.get(offered[1].size)) is not None and same[1] != offered[1]:
            raise false(same[0], "another tree than witnesses were offered")
        events = self._ticks(checkpoint, {**shown, offered[1].size: ("witnessed", offered[1])})  # (2), (3)
        tail = 0
        for tail, event in enumerate(self._export.tail(), start=1):
            self._event(event, f"tail, event {tail - 1}", pending=True)
        self._erasures()  # (4)
        cosigned = self._cosigned(offered[0], quorum)  # (5)
        held = check_stamps(self._export, stamps, timestamp_roots) if timestamp_roots else 0  # (6)
        return LogFigures(checkpoint.size, events, tail, cosigned, held)

    def _ticks(self, checkpoint: Checkpoint, shown: Shown) -> int:
        with ExitStack() as files:
            return self._grow(_Tree(self._export, checkpoint.size, files), checkpoint, shown)

    def _grow(self, tree: _Tree, checkpoint: Checkpoint, shown: Shown) -> int:
        count = 0
        for tick in self._export.ticks(checkpoint.size):
            marks: list[bytes] = []
            for at, event in enumerate(tick.events):
                self._event(event, f"tick {tick.number}, event {at}", pending=False)
                marks.append(event.commitment)
            try:
                root = merkle.tick_root(marks, merkle.TICK_DEPTH, tick.salt)
            except ValueError as error:
                raise false(f"tick {tick.number}", "salt or number of events") from error
            tree.add(tick.number, root)
            what, earlier = shown.get(tick.number + 1, ("", None))
            if earlier is not None and tree.root(earlier.size) != earlier.root:
                raise false(what, "a tree that the checkpoint does not extend")
            count += len(marks)
        if tree.root(checkpoint.size) != checkpoint.root:
            raise false("checkpoint", "the leaves do not give its root")
        return count

    def _event(self, event: Event, place: str, *, pending: bool) -> None:
        if event.subject:
            self._scratch.vouch(event.subject, event.vouched, place, event.happened, pending=pending)
        mark = event.commitment
        if self._scratch.one("SELECT 1 FROM promised WHERE event = ?", mark):
            raise false(place, "the same event a second time")
        self._scratch.run("INSERT INTO promised VALUES (?)", mark)
        if event.erased:
            self._scratch.run("INSERT INTO asked VALUES (NULL, ?, ?, NULL, NULL)", place, event.happened)
        elif event.kind == names.DECISIONS_TAKEN:
            detail = json.loads(event.detail)
            decisions = json.dumps([detail.get("decisions", []), detail.get("stored", [])])
            statement = "INSERT INTO asked VALUES (NULL, ?, ?, ?, ?)"
            self._scratch.run(statement, place, event.happened, event.vouched, decisions)

    def _erasures(self) -> None:
        before = erased_before(self._scratch)
        query = "SELECT place FROM asked WHERE decisions IS NULL AND happened >= ? ORDER BY number LIMIT 1"
        if found := self._scratch.one(query, before):
            raise false(found[0], "details are gone and no event says that they were erased")

    def _signed(self, note: Note, what: str) -> Checkpoint:
        hub = Identity.parse(self._export.origin)
        refusal = PasserelleError("note_unsigned", "no key of the hub")
        for key in self._parties.signers(hub.agency):
            try:
                return verify_checkpoint(note, self._export.origin, key)
            except PasserelleError as error:
                if error.code != "note_unsigned":
                    raise false(what, error.code) from error
                refusal = error
        raise false(what, refusal.code)

    def _offered(self, note: Note, checkpoint: Checkpoint) -> tuple[Note, Checkpoint]:
        """The checkpoint that witnesses were offered; the newest where the export has no other."""
        if not self._export.has("witnessed"):
            return note, checkpoint
        offered = Note.parse(self._export.read("witnessed"))
        seen = self._signed(offered, "witnessed")
        if not 0 < seen.size <= checkpoint.size:
            raise false("witnessed", "a tree that the checkpoint does not extend")
        return offered, seen

    def _cosigned(self, note: Note, quorum: int) -> int:
        named = [who for role in WITNESSES for who in self._parties.names(role)]
        valid = len({who[0] for who in named if self._witness(note, who)})
        if valid < quorum:
            raise false("witnessed", f"{valid} cosignatures of enrolled witnesses, {quorum} demanded")
        return valid

    def _witness(self, note: Note, who: tuple[str, str]) -> bool:
        agency, name = who
        if not lines_of(note, name):
            return False
        try:
            if cosigners(note, {name: tuple(self._parties.signers(agency))}):
                return True
        except PasserelleError as error:
            raise false(f"cosignature of {name}", error.code) from error
        raise false(f"cosignature of {name}", "no key of this witness")


def erased_before(scratch: Scratch) -> int:
    """Until when (microseconds) details were erased lawfully, as the log's own events say; 0 for never."""
    found = scratch.all("SELECT subject FROM vouched WHERE prefix = 'details'")
    return max((int(subject.split("/", 1)[1]) for (subject,) in found), default=0)


class _Tree:
    """The tree as it is built from ticks, held against the tiles that claim to be it.

    A node store (`passerelle.merkle.NodeStore`) that keeps the last two nodes of each level, which is all
    that appending and the root of the present size need, and one tile of each level.
    """

    def __init__(self, export: Export, size: int, stack: ExitStack) -> None:
        self._export = export
        self._stack = stack
        self._files: dict[int, BinaryIO] = {}
        self._size = size
        self._last: dict[int, dict[int, bytes]] = {}
        self._tiles: dict[int, bytes] = {}
        self._entries: list[bytes] = []

    def get(self, level: int, position: int) -> bytes:
        """One of the last two nodes of a level; `KeyError` for any other."""
        return self._last[level][position]

    def put(self, level: int, position: int, value: bytes) -> None:
        """The next node of a level, which must stand in its tile."""
        row = self._last.setdefault(level, {})
        row[position] = value
        row.pop(position - 2, None)
        if level % 8:
            if self._between(level).read(32) != value:
                raise false(f"node {position} of level {level}", "not the node of this tree")
            return
        at = position % WIDTH
        tile = self._tile(level // 8, position, self._size >> level)
        if at == 0:
            self._tiles[level] = self._export.read(tile.path)
        if self._tiles[level][at * 32 : at * 32 + 32] != value or len(self._tiles[level]) != 32 * tile.width:
            raise false(tile.path, "not the nodes of this tree")

    def add(self, number: int, root: bytes) -> None:
        """The next leaf, which must be the entry of its tile."""
        at = number % WIDTH
        tile = self._tile(None, number, self._size)
        if at == 0:
            self._entries = unpack_entries(self._export.read(tile.path))
        if len(self._entries) != tile.width or self._entries[at] != root:
            raise false(f"tick {number}", "its events do not give the leaf of the log")
        merkle.append_leaf(self, number, root)

    def root(self, size: int) -> bytes:
        """The root of the present size."""
        return merkle.stored_root(self, size)

    def _between(self, level: int) -> BinaryIO:
        """The nodes of a level that no tile holds, in order."""
        if level not in self._files:
            self._files[level] = self._stack.enter_context(self._export.open(f"nodes/{level}.bin"))
        return self._files[level]

    def _tile(self, level: int | None, position: int, nodes: int) -> Tile:
        first = position - position % WIDTH
        return Tile(level, position // WIDTH, min(WIDTH, nodes - first))
