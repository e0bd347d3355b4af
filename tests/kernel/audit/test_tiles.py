"""Tiles: the paths of C2SP tlog-tiles, one spelling each, and bundles of entries."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerelle.audit.tiles import Tile, pack_entries, tiles_of, unpack_entries
from passerelle.errors import PasserelleError


def test_paths_are_those_of_the_specification() -> None:
    assert Tile(0, 1234067).path == "tile/0/x001/x234/067"
    assert Tile(1, 0, 1).path == "tile/1/000.p/1"
    assert Tile(None, 5, 112).path == "tile/entries/005.p/112"


@given(st.one_of(st.none(), st.integers(0, 5)), st.integers(0, 2**40), st.integers(1, 256))
def test_every_tile_is_found_again_by_its_path(level: int | None, number: int, width: int) -> None:
    tile = Tile(level, number, width)
    assert Tile.parse(tile.path) == tile


@pytest.mark.parametrize(
    "path",
    [
        "",
        "tile/6/000",
        "tile/0/0",
        "tile/0/x000/001",
        "tile/0/000.p/256",
        "tile/0/000.p/300",
        "tile/0/../0",
        "tile/0/x036/x028/x797/x018/x963/967",
    ],
)
def test_other_paths_are_refused(path: str) -> None:
    with pytest.raises(PasserelleError) as caught:
        Tile.parse(path)
    assert caught.value.code == "tile_unknown"


def test_a_tree_of_70000_leaves_has_these_tiles() -> None:
    paths = [tile.path for tile in tiles_of(70_000)]
    assert paths.count("tile/entries/273.p/112") == 1
    assert "tile/0/272" in paths and "tile/0/273.p/112" in paths
    assert paths[-3:] == ["tile/1/000", "tile/1/001.p/17", "tile/2/000.p/1"]
    assert tiles_of(0) == ()


@given(st.lists(st.binary(max_size=40), max_size=20))
def test_entries_survive_their_bundle(leaves: list[bytes]) -> None:
    assert unpack_entries(pack_entries(leaves)) == leaves


@pytest.mark.parametrize("bundle", [b"\x00", b"\x00\x05abc"])
def test_a_bundle_that_ends_early_is_refused(bundle: bytes) -> None:
    with pytest.raises(PasserelleError) as caught:
        unpack_entries(bundle)
    assert caught.value.code == "message_malformed"
