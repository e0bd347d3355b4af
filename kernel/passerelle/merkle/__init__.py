"""The Merkle tree of RFC 6962 (RFC 9162, section 2.1): roots, proofs, stored trees, ticks.

`tree` hashes and says which subtrees a proof consists of; `proof` verifies; `stored` appends to and proves
from nodes kept elsewhere; `tick` is a tree of fixed depth that tells nobody how full it is.
"""

from __future__ import annotations

from passerelle.merkle.proof import root_from_path, verify_consistency, verify_inclusion
from passerelle.merkle.stored import (
    MemoryNodes,
    NodeStore,
    append_leaf,
    append_leaves,
    stored_consistency,
    stored_inclusion,
    stored_root,
)
from passerelle.merkle.tick import (
    TICK_DEPTH,
    TickTree,
    tick_path,
    tick_root,
    tick_root_from_path,
    tick_slot,
    verify_tick_path,
)
from passerelle.merkle.tree import EMPTY_ROOT, HASH_BYTES, leaf_hash, node_hash, root, root_and_paths, root_of

__all__ = [
    "EMPTY_ROOT",
    "HASH_BYTES",
    "TICK_DEPTH",
    "MemoryNodes",
    "NodeStore",
    "TickTree",
    "append_leaf",
    "append_leaves",
    "leaf_hash",
    "node_hash",
    "root",
    "root_and_paths",
    "root_from_path",
    "root_of",
    "stored_consistency",
    "stored_inclusion",
    "stored_root",
    "tick_path",
    "tick_root",
    "tick_root_from_path",
    "tick_slot",
    "verify_consistency",
    "verify_inclusion",
    "verify_tick_path",
]
