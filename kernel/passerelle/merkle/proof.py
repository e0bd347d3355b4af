"""Verification of inclusion and consistency; returns nothing or a root, or raises."""

from __future__ import annotations

from collections.abc import Sequence

from passerelle.errors import PasserelleError
from passerelle.merkle.tree import (
    HASH_BYTES,
    consistency_ranges,
    inclusion_ranges,
    leaf_hash,
    node_hash,
)


def root_from_path(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """The root (32 bytes) of the only tree of `size` leaves in which `path` leads up from this leaf.

    `leaf` is the leaf's content, `path` hashes of 32 bytes, lowest first. The result proves nothing until it
    is compared with a root one trusts.

    Raises:
        PasserelleError: `proof_malformed`, no path of that shape.
    """
    try:
        ranges = inclusion_ranges(index, size)
    except ValueError as error:
        raise PasserelleError("proof_malformed", "no such leaf") from error
    _check_path(path, len(ranges))
    value = leaf_hash(leaf)
    for (_, end), other in zip(ranges, path, strict=True):
        value = node_hash(other, value) if end <= index else node_hash(value, other)
    return value


def verify_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> None:
    """Check that a leaf stands at `index` of the tree with `size` leaves and this root.

    Raises:
        PasserelleError: `proof_malformed`, `proof_invalid`.
    """
    if root_from_path(leaf, index, size, path) != root:
        raise PasserelleError("proof_invalid", f"leaf {index} of {size}")


def verify_consistency(old: int, new: int, path: Sequence[bytes], old_root: bytes, new_root: bytes) -> None:
    """Check that the tree of `new` leaves starts with exactly the leaves of the tree of `old`.

    `old` is 1 at least: every tree extends the empty one, and a proof of that proves nothing.

    Raises:
        PasserelleError: `proof_malformed`, `proof_invalid`.
    """
    try:
        ranges = consistency_ranges(old, new)
    except ValueError as error:
        raise PasserelleError("proof_malformed", "no such trees") from error
    _check_path(path, len(ranges))
    steps = list(zip(ranges, path, strict=True))
    seed = steps.pop(0)[1] if steps and steps[0][0][1] == old else old_root
    was = now = seed
    for (_, end), other in steps:
        if end <= old:  # inside both trees, on the left
            was, now = node_hash(other, was), node_hash(other, now)
        else:
            now = node_hash(now, other)
    if was != old_root or now != new_root:
        raise PasserelleError("proof_invalid", f"{old} of {new} leaves")


def _check_path(path: Sequence[bytes], length: int) -> None:
    """Right number of hashes of right length: else bytes could move between the two sides of a node."""
    if len(path) != length or any(len(item) != HASH_BYTES for item in path):
        raise PasserelleError("proof_malformed", f"{len(path)} hashes, {length} expected")
