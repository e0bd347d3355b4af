"""A growing tree whose nodes live in a store, by level and position.

Rules
-----
1. Node (level, position) covers the leaves from `position << level` up to the next such boundary. Only
   complete nodes are stored, each once, and none ever changes: a store can be append-only.
2. Appending n leaves writes fewer than 2n + log2 n nodes and reads at most one node per level. Roots and
   proofs read O(log n) nodes and write none.
3. Whoever appends holds the only writing transaction. Readers that name a size no greater than the committed
   one need no lock, by rule 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from passerelle.merkle.tree import EMPTY_ROOT, consistency_ranges, inclusion_ranges, leaf_hash, node_hash


class NodeStore(Protocol):
    """Where complete nodes are kept."""

    def get(self, level: int, position: int) -> bytes:
        """The hash (32 bytes) of a complete node; `KeyError` where there is none."""
        ...

    def put(self, level: int, position: int, value: bytes) -> None:
        """Keep a complete node; called once for each."""
        ...


class MemoryNodes:
    """Nodes in memory, for batches and tests."""

    def __init__(self) -> None:
        self._nodes: dict[tuple[int, int], bytes] = {}

    def get(self, level: int, position: int) -> bytes:
        return self._nodes[level, position]

    def put(self, level: int, position: int, value: bytes) -> None:
        self._nodes[level, position] = value


def append_leaf(nodes: NodeStore, size: int, leaf: bytes) -> None:
    """Append one leaf's content to a tree of `size` leaves."""
    append_leaves(nodes, size, (leaf,))


def append_leaves(nodes: NodeStore, size: int, leaves: Sequence[bytes]) -> None:
    """Append the contents of leaves, in order, to a tree of `size` leaves."""
    fresh = [leaf_hash(leaf) for leaf in leaves]
    first, level = size, 0
    while fresh:
        for offset, value in enumerate(fresh):
            nodes.put(level, first + offset, value)
        if first % 2:  # the first fresh node completes a pair with one stored before
            fresh.insert(0, nodes.get(level, first - 1))
        pairs = zip(fresh[::2], fresh[1::2], strict=False)  # an odd last node waits for its sibling
        fresh = [node_hash(left, right) for left, right in pairs]
        first, level = first // 2, level + 1


def stored_root(nodes: NodeStore, size: int) -> bytes:
    """Root of the first `size` leaves."""
    return _range_hash(nodes, 0, size) if size else EMPTY_ROOT


def stored_inclusion(nodes: NodeStore, index: int, size: int) -> tuple[bytes, ...]:
    """Inclusion path of leaf `index` in the tree of the first `size` leaves.

    Raises:
        ValueError: no such leaf.
    """
    return tuple(_range_hash(nodes, start, end) for start, end in inclusion_ranges(index, size))


def stored_consistency(nodes: NodeStore, old: int, new: int) -> tuple[bytes, ...]:
    """Proof that the tree of `new` leaves extends the one of `old`.

    Raises:
        ValueError: not 0 < old <= new.
    """
    return tuple(_range_hash(nodes, start, end) for start, end in consistency_ranges(old, new))


def _range_hash(nodes: NodeStore, start: int, end: int) -> bytes:
    """Hash of a subtree as `tree` states it: complete nodes from the left, folded from the right."""
    parts: list[bytes] = []
    while start < end:
        level = (end - start).bit_length() - 1
        parts.append(nodes.get(level, start >> level))
        start += 1 << level
    value = parts.pop()
    while parts:
        value = node_hash(parts.pop(), value)
    return value
