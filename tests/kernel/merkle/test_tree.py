"""RFC 6962 against its published vectors and against the definition written out as recursion."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerelle import merkle
from passerelle.errors import PasserelleError
from passerelle.merkle.tree import consistency_ranges, inclusion_ranges

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "vectors" / "rfc6962-sha256.json").read_text("utf-8")
)
LEAVES = [bytes.fromhex(leaf) for leaf in VECTORS["leaves"]]
ROOTS = [bytes.fromhex(root) for root in VECTORS["roots"]]


def _tree(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962, section 2.1, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    k = _largest_power_below(len(leaves))
    return hashlib.sha256(b"\x01" + _tree(leaves[:k]) + _tree(leaves[k:])).digest()


def _path(m: int, leaves: list[bytes]) -> list[bytes]:
    """PATH of section 2.1.1."""
    if len(leaves) == 1:
        return []
    k = _largest_power_below(len(leaves))
    if m < k:
        return [*_path(m, leaves[:k]), _tree(leaves[k:])]
    return [*_path(m - k, leaves[k:]), _tree(leaves[:k])]


def _proof(m: int, leaves: list[bytes], *, whole: bool = True) -> list[bytes]:
    """SUBPROOF of section 2.1.2."""
    if m == len(leaves):
        return [] if whole else [_tree(leaves)]
    k = _largest_power_below(len(leaves))
    if m <= k:
        return [*_proof(m, leaves[:k], whole=whole), _tree(leaves[k:])]
    return [*_proof(m - k, leaves[k:], whole=False), _tree(leaves[:k])]


def _largest_power_below(n: int) -> int:
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def _stored(leaves: list[bytes]) -> merkle.MemoryNodes:
    nodes = merkle.MemoryNodes()
    merkle.append_leaves(nodes, 0, leaves)
    return nodes


@pytest.mark.parametrize("size", range(len(ROOTS)))
def test_published_roots(size: int) -> None:
    assert merkle.root(LEAVES[:size]) == ROOTS[size]
    assert merkle.stored_root(_stored(LEAVES), size) == ROOTS[size]


@pytest.mark.parametrize("row", VECTORS["inclusion"], ids=str)
def test_published_inclusion(row: dict[str, Any]) -> None:
    path = tuple(bytes.fromhex(item) for item in row["path"])
    assert merkle.stored_inclusion(_stored(LEAVES), row["index"], row["size"]) == path
    merkle.verify_inclusion(LEAVES[row["index"]], row["index"], row["size"], path, ROOTS[row["size"]])


@pytest.mark.parametrize("row", VECTORS["consistency"], ids=str)
def test_published_consistency(row: dict[str, Any]) -> None:
    path = tuple(bytes.fromhex(item) for item in row["path"])
    assert merkle.stored_consistency(_stored(LEAVES), row["old"], row["new"]) == path
    merkle.verify_consistency(row["old"], row["new"], path, ROOTS[row["old"]], ROOTS[row["new"]])


@given(st.lists(st.binary(max_size=8), max_size=40))
def test_root_is_the_definition(leaves: list[bytes]) -> None:
    assert merkle.root(leaves) == _tree(leaves) == merkle.stored_root(_stored(leaves), len(leaves))
    assert merkle.root_and_paths(leaves)[0] == _tree(leaves)


@given(st.integers(1, 70), st.data())
def test_paths_are_the_definition(size: int, data: st.DataObject) -> None:
    leaves = [bytes([at]) for at in range(size)]
    nodes = _stored(leaves)
    index = data.draw(st.integers(0, size - 1))
    old = data.draw(st.integers(1, size))
    path = merkle.stored_inclusion(nodes, index, size)
    proof = merkle.stored_consistency(nodes, old, size)
    assert list(path) == _path(index, leaves)
    assert merkle.root_and_paths(leaves)[1][index] == path
    assert list(proof) == _proof(old, leaves)
    merkle.verify_inclusion(leaves[index], index, size, path, _tree(leaves))
    merkle.verify_consistency(old, size, proof, _tree(leaves[:old]), _tree(leaves))


@given(st.integers(2, 40), st.data())
def test_another_leaf_place_size_or_path_is_refused(size: int, data: st.DataObject) -> None:
    leaves = [bytes([at]) for at in range(size)]
    index = data.draw(st.integers(0, size - 1))
    path = merkle.stored_inclusion(_stored(leaves), index, size)
    root = merkle.root(leaves)
    at = data.draw(st.integers(0, len(path) - 1))
    changed = (*path[:at], bytes(32), *path[at + 1 :])
    wrong = [
        (b"other", index, size, path, root),
        (leaves[index], (index + 1) % size, size, path, root),
        (leaves[index], index, size, changed, root),
        (leaves[index], index, size, path[:-1], root),
        (leaves[index], index, size, (*path, bytes(32)), root),
        (leaves[index], index, size, path, bytes(32)),
        (leaves[index], size, size, path, root),
        (leaves[index], -1, size, path, root),
        (leaves[index], index, 0, path, root),
    ]
    for case in wrong:
        with pytest.raises(PasserelleError) as error:
            merkle.verify_inclusion(*case)
        assert error.value.code in {"proof_invalid", "proof_malformed"}


@given(st.integers(2, 40), st.data())
def test_a_rewritten_history_is_refused(size: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, size - 1))
    leaves = [bytes([at]) for at in range(size)]
    before = merkle.root(leaves[:old])
    leaves[data.draw(st.integers(0, old - 1))] = b"rewritten"
    path = merkle.stored_consistency(_stored(leaves), old, size)
    with pytest.raises(PasserelleError) as error:
        merkle.verify_consistency(old, size, path, before, merkle.root(leaves))
    assert error.value.code == "proof_invalid"


@pytest.mark.parametrize(("old", "new"), [(0, 3), (4, 3), (-1, 3)])
def test_consistency_needs_two_trees(old: int, new: int) -> None:
    with pytest.raises(PasserelleError) as error:
        merkle.verify_consistency(old, new, (), merkle.EMPTY_ROOT, merkle.EMPTY_ROOT)
    assert error.value.code == "proof_malformed"
    with pytest.raises(ValueError, match="no such trees"):
        consistency_ranges(old, new)


def test_hashes_of_other_lengths_are_refused() -> None:
    """Otherwise 31 + 33 bytes would hash like 32 + 32."""
    left, right = merkle.leaf_hash(b"a"), merkle.leaf_hash(b"b")
    root = merkle.node_hash(left, right)
    with pytest.raises(PasserelleError) as error:
        merkle.verify_inclusion(b"a", 0, 2, (right[:31],), root)
    assert error.value.code == "proof_malformed"
    with pytest.raises(PasserelleError) as error:
        merkle.verify_consistency(1, 2, (right + b"x",), left, root)
    assert error.value.code == "proof_malformed"


def test_a_proof_of_an_astronomic_tree_is_short() -> None:
    assert len(inclusion_ranges(1, (1 << 64) - 1)) == 64
    assert len(consistency_ranges(3, (1 << 64) - 1)) <= 65
