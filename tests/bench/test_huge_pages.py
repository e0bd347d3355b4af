"""Huge pages are reserved for the while, and only where that is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench.huge_pages import reserved

MEMORY = "MemTotal: 24000000 kB\nHugePages_Free:       %d\nHugepagesize:       2048 kB\n"


@pytest.mark.parametrize(("free", "more"), [(0, 543), (500, 43), (600, 0)])
def test_what_is_missing_is_reserved_and_given_back(tmp_path: Path, free: int, more: int) -> None:
    count, memory = tmp_path / "nr_hugepages", tmp_path / "meminfo"
    count.write_text("7\n")
    memory.write_text(MEMORY % free)
    with reserved(1, count, memory) as had:
        assert had
        assert int(count.read_text()) == 7 + more
    assert int(count.read_text()) == 7


def test_where_the_kernel_has_none_nothing_is_reserved(tmp_path: Path) -> None:
    with reserved(1, tmp_path / "absent", tmp_path / "absent") as had:
        assert not had
