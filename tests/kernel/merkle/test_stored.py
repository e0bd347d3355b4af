"""A tree in a store: every way of appending gives the same nodes, few of them read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerelle import merkle


class CountingNodes(merkle.MemoryNodes):
    """Counts reads, and refuses to write a node twice (rule 1)."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = 0
        self.written: dict[tuple[int, int], bytes] = {}

    def get(self, level: int, position: int) -> bytes:
        self.reads += 1
        return super().get(level, position)

    def put(self, level: int, position: int, value: bytes) -> None:
        assert (level, position) not in self.written
        self.written[level, position] = value
        super().put(level, position, value)


@given(st.lists(st.integers(0, 9), max_size=12))
def test_appending_in_any_portions_writes_the_same_nodes(portions: list[int]) -> None:
    leaves = [at.to_bytes(2, "big") for at in range(sum(portions))]
    single, grouped = CountingNodes(), CountingNodes()
    for at, leaf in enumerate(leaves):
        merkle.append_leaf(single, at, leaf)
    size = 0
    for portion in portions:
        merkle.append_leaves(grouped, size, leaves[size : size + portion])
        size += portion
    assert grouped.written == single.written
    assert merkle.stored_root(grouped, size) == merkle.root(leaves)


def test_reads_stay_logarithmic() -> None:
    nodes = CountingNodes()
    merkle.append_leaves(nodes, 0, [bytes([at % 251]) for at in range(1023)])
    assert nodes.reads == 0
    merkle.append_leaves(nodes, 1023, [b"next"] * 500)
    assert nodes.reads <= 11
    for call in (
        lambda: merkle.stored_root(nodes, 1523),
        lambda: merkle.stored_inclusion(nodes, 700, 1523),
        lambda: merkle.stored_consistency(nodes, 777, 1523),
    ):
        nodes.reads = 0
        call()
        assert nodes.reads <= 2 * 11


def test_a_missing_node_is_no_proof() -> None:
    with pytest.raises(KeyError):
        merkle.stored_root(merkle.MemoryNodes(), 1)
    with pytest.raises(ValueError, match="no such leaf"):
        merkle.stored_inclusion(merkle.MemoryNodes(), 3, 3)
