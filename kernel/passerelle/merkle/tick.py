"""Ticks: the events of one interval under one root, without a trace of how many there were.

An ordinary RFC 6962 tree of 2^depth leaves, of which the events take a few:

(1) each event goes to a slot drawn from the tick's secret salt; were they placed in a row, the place of one
    event would be a lower bound on the number of all;
(2) an empty subtree is one hash drawn from the salt, its level and its position, however many leaves it
    spans;
(3) everything else is hashed as RFC 6962 says, so an event's path has `depth` hashes and verifies like any
    other.

Whoever holds a path sees hashes that look alike, filler or not, as long as the salt (32 random bytes, fresh
for each tick) stays secret. Whoever is given the salt and all events can compute the root again and so knows
that nothing else was in the tick. A filler starts with a byte of its own, so it is the hash of no leaf and of
no node.

A tick of n events costs about n * (depth + 2 - log2 n) hashes, at most 2^(depth+1). A `TickTree` is
read-only.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from typing import Final

from passerelle.errors import PasserelleError
from passerelle.merkle.proof import root_from_path
from passerelle.merkle.tree import leaf_hash, node_hash

TICK_DEPTH: Final = 16
"""Default depth: 65,536 events at most in one tick."""
SALT_BYTES: Final = 32
_FILLER: Final = b"\x02"
_DRAW: Final = b"\x03"
_DRAW_BYTES: Final = 8
_PLACE: Final = struct.Struct(">BQ").pack


class TickTree:
    """The tree of one tick. `root` is 32 bytes; `slots` holds the slot of each event, by position."""

    def __init__(self, leaves: Sequence[bytes], depth: int, salt: bytes) -> None:
        """Hash the tick.

        Raises:
            ValueError: more events than slots, or a salt of the wrong length.
        """
        if len(salt) != SALT_BYTES:
            raise ValueError("a tick's salt is 32 bytes")
        if len(leaves) > 1 << depth:
            raise ValueError("more events than a tick holds")
        self._filler = _FILLER + salt
        self._depth = depth
        self.slots: Final = _slots(len(leaves), depth, salt)  # (1)
        level = {slot: leaf_hash(leaf) for slot, leaf in zip(self.slots, leaves, strict=True)}
        self._levels = [level]
        for height in range(depth):
            level = self._parents(level, height)
            self._levels.append(level)
        self.root: Final = self._node(depth, 0)

    def path(self, position: int) -> tuple[bytes, ...]:
        """The `depth` hashes from the event at `position` (in order of the leaves given) to the root."""
        slot = self.slots[position]
        return tuple(self._node(height, (slot >> height) ^ 1) for height in range(self._depth))

    def _parents(self, level: dict[int, bytes], height: int) -> dict[int, bytes]:
        parents: dict[int, bytes] = {}  # (3)
        for place, value in level.items():
            other = level.get(place ^ 1)
            if other is None:
                other = self._fill(height, place ^ 1)
            elif place & 1:
                continue  # a pair of two is hashed once, from its left side
            parents[place >> 1] = node_hash(other, value) if place & 1 else node_hash(value, other)
        return parents

    def _node(self, height: int, place: int) -> bytes:
        return self._levels[height].get(place) or self._fill(height, place)

    def _fill(self, height: int, place: int) -> bytes:
        """The hash of an empty subtree (2)."""
        return hashlib.sha256(self._filler + _PLACE(height, place)).digest()


def tick_root(leaves: Sequence[bytes], depth: int, salt: bytes) -> bytes:
    """Root of a tick over its events' commitments, in order."""
    return TickTree(leaves, depth, salt).root


def tick_path(leaves: Sequence[bytes], position: int, depth: int, salt: bytes) -> tuple[bytes, ...]:
    """Path of the event at `position`; `TickTree` does it faster for several."""
    return TickTree(leaves, depth, salt).path(position)


def tick_slot(position: int, depth: int, salt: bytes) -> int:
    """The slot of the event at `position`: the only place a proof may name."""
    return _slots(position + 1, depth, salt)[position]


def tick_root_from_path(leaf: bytes, slot: int, path: Sequence[bytes], depth: int = TICK_DEPTH) -> bytes:
    """The tick root in which `path` leads up from this event: the leaf to look for in the log.

    Raises:
        PasserelleError: `proof_malformed`, a path of another depth included.
    """
    return root_from_path(leaf, slot, 1 << depth, path)


def verify_tick_path(leaf: bytes, slot: int, path: Sequence[bytes], depth: int, root: bytes) -> None:
    """Check that an event stands in the tick with this root.

    Raises:
        PasserelleError: `proof_malformed`, `proof_invalid`.
    """
    if tick_root_from_path(leaf, slot, path, depth) != root:
        raise PasserelleError("proof_invalid", "event not in this tick")


def _slots(count: int, depth: int, salt: bytes) -> tuple[int, ...]:
    """The first `count` places of a permutation of all slots, drawn from the salt (Fisher-Yates, SHAKE-256).

    A longer list starts with every shorter one. Each draw is 64 bits for at most 2^depth places, so its bias
    is below 2^(depth - 64).
    """
    draws = hashlib.shake_256(_DRAW + salt).digest(count * _DRAW_BYTES)
    moved: dict[int, int] = {}
    slots: list[int] = []
    for at in range(count):
        draw = int.from_bytes(draws[at * _DRAW_BYTES : (at + 1) * _DRAW_BYTES], "big")
        place = at + draw % ((1 << depth) - at)
        slots.append(moved.get(place, place))
        moved[place] = moved.get(at, at)
    return tuple(slots)
