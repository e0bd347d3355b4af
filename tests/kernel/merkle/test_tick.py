"""Ticks: paths verify, and nothing about them depends on how many events there are."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passerelle import merkle
from passerelle.errors import PasserelleError

SALT = bytes(range(32))
VECTOR: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "vectors" / "envelope-1.json").read_text("utf-8")
)


def _events(count: int) -> list[bytes]:
    return [hashlib.sha256(bytes([at % 256, at // 256])).digest() for at in range(count)]


def _full_tree(leaves: list[bytes], depth: int, salt: bytes) -> bytes:
    """The same tree with every node computed."""
    slots = merkle.TickTree(leaves, depth, salt).slots
    level: list[bytes | None] = [None] * (1 << depth)
    for slot, leaf in zip(slots, leaves, strict=True):
        level[slot] = merkle.leaf_hash(leaf)

    def filled(value: bytes | None, height: int, place: int) -> bytes:
        plain = b"\x02" + salt + height.to_bytes(1, "big") + place.to_bytes(8, "big")
        return value or hashlib.sha256(plain).digest()

    for height in range(depth):
        pairs = [(level[at], level[at + 1]) for at in range(0, len(level), 2)]
        level = [
            merkle.node_hash(filled(left, height, 2 * at), filled(right, height, 2 * at + 1))
            if left or right
            else None
            for at, (left, right) in enumerate(pairs)
        ]
    return filled(level[0], depth, 0)


@given(st.integers(0, 64), st.binary(min_size=32, max_size=32))
@settings(max_examples=40)
def test_every_path_verifies_and_the_root_is_the_definition(count: int, salt: bytes) -> None:
    events = _events(count)
    tree = merkle.TickTree(events, 6, salt)
    assert tree.root == _full_tree(events, 6, salt) == merkle.tick_root(events, 6, salt)
    assert len(set(tree.slots)) == count
    for at, event in enumerate(events):
        path = tree.path(at)
        assert len(path) == 6
        merkle.verify_tick_path(event, tree.slots[at], path, 6, tree.root)


def test_the_short_ways_agree_with_the_tree() -> None:
    events = _events(5)
    tree = merkle.TickTree(events, merkle.TICK_DEPTH, SALT)
    for at in range(5):
        assert merkle.tick_slot(at, merkle.TICK_DEPTH, SALT) == tree.slots[at]
        path = merkle.tick_path(events, at, merkle.TICK_DEPTH, SALT)
        assert path == tree.path(at)
        assert merkle.tick_root_from_path(events[at], tree.slots[at], path) == tree.root


def test_depth_and_width_of_a_proof_do_not_depend_on_the_count() -> None:
    for count in (1, 2, 300):
        path = merkle.tick_path(_events(count), 0, merkle.TICK_DEPTH, SALT)
        assert [len(item) for item in path] == [32] * merkle.TICK_DEPTH


def test_the_slot_of_an_event_is_the_same_however_many_follow() -> None:
    few, many = (merkle.TickTree(_events(count), 16, SALT).slots for count in (3, 900))
    assert many[:3] == few


def test_slots_spread_over_the_whole_tick() -> None:
    """The place of the first event says nothing: over many salts it is uniform."""
    first = [
        merkle.tick_slot(0, 4, hashlib.sha256(bytes([a, b])).digest()) for a in range(8) for b in range(200)
    ]
    counts = [first.count(slot) for slot in range(16)]
    assert min(counts) > 60  # 100 expected in each; five standard deviations below is 52
    assert max(counts) < 150


def test_a_full_tick_takes_every_slot() -> None:
    tree = merkle.TickTree(_events(16), 4, SALT)
    assert sorted(tree.slots) == list(range(16))
    with pytest.raises(ValueError, match="more events"):
        merkle.TickTree(_events(17), 4, SALT)


def test_the_salt_is_checked_and_changes_everything() -> None:
    with pytest.raises(ValueError, match="salt"):
        merkle.tick_root(_events(1), 4, b"short")
    assert merkle.tick_root([], 4, SALT) != merkle.tick_root([], 4, bytes(32))
    assert merkle.tick_path(_events(1), 0, 4, SALT) != merkle.tick_path(_events(1), 0, 4, bytes(32))


def test_a_wrong_slot_event_depth_or_root_is_refused() -> None:
    events = _events(3)
    tree = merkle.TickTree(events, 8, SALT)
    slot, path = tree.slots[1], tree.path(1)
    for event, place, steps, depth, root, code in (
        (b"other", slot, path, 8, tree.root, "proof_invalid"),
        (events[1], slot ^ 1, path, 8, tree.root, "proof_invalid"),
        (events[1], slot, path, 8, bytes(32), "proof_invalid"),
        (events[1], slot, path[:-1], 8, tree.root, "proof_malformed"),
        (events[1], slot, path, 9, tree.root, "proof_malformed"),
        (events[1], 1 << 8, path, 8, tree.root, "proof_malformed"),
    ):
        with pytest.raises(PasserelleError) as error:
            merkle.verify_tick_path(event, place, steps, depth, root)
        assert error.value.code == code


def test_the_format_is_frozen() -> None:
    row = VECTOR["tick"]
    events = [bytes.fromhex(item) for item in row["events"]]
    tree = merkle.TickTree(events, row["depth"], bytes.fromhex(row["salt"]))
    assert list(tree.slots) == row["slots"]
    assert tree.root.hex() == row["root"]
    assert [item.hex() for item in tree.path(2)] == row["path_of_third"]
