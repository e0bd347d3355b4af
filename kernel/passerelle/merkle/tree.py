"""Hashes of an RFC 6962 tree and the shape of its proofs.

A tree over n leaves splits at the largest power of two below n. A proof is a list of subtree hashes; which
subtrees, follows from positions and sizes alone, so this module states them as half-open leaf ranges, lowest
first. Provers read those ranges' hashes, verifiers fold them: both use the one shape below.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = hashlib.sha256(b"").digest()
"""Root of a tree without leaves."""

_LEAF: Final = b"\x00"
_NODE: Final = b"\x01"


def leaf_hash(leaf: bytes) -> bytes:
    """Hash of one leaf's content."""
    return hashlib.sha256(_LEAF + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of a node over its children's hashes (32 bytes each)."""
    return hashlib.sha256(_NODE + left + right).digest()


def root(leaves: Iterable[bytes]) -> bytes:
    """Root over the contents of leaves, level by level (a node without sibling rises unchanged)."""
    sha256 = hashlib.sha256
    return root_of([sha256(_LEAF + leaf).digest() for leaf in leaves])


def root_of(hashes: Sequence[bytes]) -> bytes:
    """Root over the hashes of leaves (32 bytes each), in order."""
    sha256 = hashlib.sha256
    level = list(hashes)
    if not level:
        return EMPTY_ROOT
    while len(level) > 1:
        odd = level[-1:] if len(level) % 2 else []
        pairs = zip(level[::2], level[1::2], strict=False)  # an odd last node has no partner
        level = [sha256(_NODE + left + right).digest() for left, right in pairs] + odd
    return level[0]


def root_and_paths(leaves: Sequence[bytes]) -> tuple[bytes, list[tuple[bytes, ...]]]:
    """Root over the contents of leaves, and the inclusion path of each (RFC 6962, 2.1.1), in order."""
    if not leaves:
        return EMPTY_ROOT, []
    levels = [[leaf_hash(leaf) for leaf in leaves]]
    while len(level := levels[-1]) > 1:
        odd = level[-1:] if len(level) % 2 else []
        pairs = zip(level[::2], level[1::2], strict=False)  # an odd last node rises unchanged
        levels.append([node_hash(left, right) for left, right in pairs] + odd)
    paths: list[tuple[bytes, ...]] = [()]
    for level in reversed(levels[:-1]):  # a node's path: its sibling, where it has one, and its parent's path
        paths = [(*level[at ^ 1 : (at ^ 1) + 1], *paths[at >> 1]) for at in range(len(level))]
    return levels[-1][0], paths


def inclusion_ranges(index: int, size: int) -> tuple[tuple[int, int], ...]:
    """The subtrees whose hashes prove leaf `index` of `size` (RFC 6962, 2.1.1).

    Raises:
        ValueError: no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError("no such leaf")
    ranges: list[tuple[int, int]] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    return tuple(reversed(ranges))


def consistency_ranges(old: int, new: int) -> tuple[tuple[int, int], ...]:
    """The subtrees that prove that a tree of `new` leaves extends its own first `old` (RFC 6962, 2.1.2).

    Where `old` is no complete subtree of the new tree, the first range ends at `old`; otherwise the old root
    itself takes that place and the list starts one subtree later.

    Raises:
        ValueError: not 0 < old <= new.
    """
    if not 0 < old <= new:
        raise ValueError("no such trees")
    ranges: list[tuple[int, int]] = []
    start, end = 0, new
    while end != old:
        middle = start + _split(end - start)
        if old <= middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    if start:
        ranges.append((start, end))
    return tuple(reversed(ranges))


def _split(leaves: int) -> int:
    """The largest power of two below a number of leaves (2 at least)."""
    return 1 << (leaves - 1).bit_length() - 1
