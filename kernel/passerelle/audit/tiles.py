"""Tiles of the log (C2SP tlog-tiles): 256 nodes of one level, or 256 entries, under a path of its own.

    tile/<level>/<n>[.p/<width>]        hashes of 32 bytes: nodes `n*256` and on of tree level 8 * level
    tile/entries/<n>[.p/<width>]        the leaves `n*256` and on: length (16 bits) and content, 32 bytes here

`n` is written in groups of three digits, all but the last behind an `x` (`x001/x234/067`). Only the last tile
of a level is partial, and only until it is full. A mirror may therefore cache full tiles for ever.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from passerelle.errors import PasserelleError
from passerelle.record import MAX_LARGE

WIDTH: Final = 256
MAX_LEVEL: Final = 5
_PATH: Final = re.compile(
    r"tile/(entries|[0-5])/((?:x[0-9]{3}/){0,5}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Tile:
    """A tile: its level (None for entries), number, and how many nodes it holds (1 to 256)."""

    level: int | None
    number: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        """Its path in a log."""
        groups = [f"{self.number % 1000:03}"]
        rest = self.number // 1000
        while rest:
            groups.insert(0, f"x{rest % 1000:03}")
            rest //= 1000
        level = "entries" if self.level is None else str(self.level)
        partial = "" if self.width == WIDTH else f".p/{self.width}"
        return f"tile/{level}/{'/'.join(groups)}{partial}"

    @classmethod
    def parse(cls, path: str) -> Tile:
        """The tile of a path.

        Raises:
            PasserelleError: `tile_unknown`, no path of a tile, not its one spelling, or beyond any tree.
        """
        match = _PATH.fullmatch(path)
        if match is None:
            raise PasserelleError("tile_unknown", "no path of a tile")
        level = None if match[1] == "entries" else int(match[1])
        number = int(match[2].replace("/", "").replace("x", ""))
        tile = cls(level, number, int(match[3]) if match[3] else WIDTH)
        if tile.width > WIDTH or tile.path != path:
            raise PasserelleError("tile_unknown", "not its one spelling")
        if (number + 1) * WIDTH > MAX_LARGE:
            raise PasserelleError("tile_unknown", "further than any tree")
        return tile


def tiles_of(size: int) -> tuple[Tile, ...]:
    """All tiles of a tree of `size` leaves, entries first, then level by level."""
    found = _row(None, size)
    for level in range(MAX_LEVEL + 1):
        nodes = size >> (8 * level)
        found += _row(level, nodes)
    return tuple(found)


def pack_entries(leaves: list[bytes]) -> bytes:
    """Leaves as an entry bundle."""
    return b"".join(len(leaf).to_bytes(2, "big") + leaf for leaf in leaves)


def unpack_entries(bundle: bytes) -> list[bytes]:
    """The leaves of an entry bundle.

    Raises:
        PasserelleError: `message_malformed`.
    """
    leaves: list[bytes] = []
    at = 0
    while at < len(bundle):
        end = at + 2 + int.from_bytes(bundle[at : at + 2], "big")
        if end > len(bundle) or at + 2 > len(bundle):
            raise PasserelleError("message_malformed", "an entry bundle that ends early")
        leaves.append(bundle[at + 2 : end])
        at = end
    return leaves


def _row(level: int | None, nodes: int) -> list[Tile]:
    full = [Tile(level, number) for number in range(nodes // WIDTH)]
    return [*full, Tile(level, nodes // WIDTH, nodes % WIDTH)] if nodes % WIDTH else full
