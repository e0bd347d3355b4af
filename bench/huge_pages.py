"""Huge pages for a server's shared memory, as the operating guide tells an operator to reserve them.

With pages of 4 KiB a large index is slowed by the search for pages more than by its own size.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_COUNT: Final = Path("/proc/sys/vm/nr_hugepages")
_MEMORY: Final = Path("/proc/meminfo")
_OVERHEAD: Final = 1.06  # of what a server shares beside its buffers


@contextmanager
def reserved(gibibytes: int, count: Path = _COUNT, memory: Path = _MEMORY) -> Generator[bool]:
    """Whether so much shared memory has huge pages; they are reserved where this process may, for the while.

    `count` and `memory` are files of the kernel's.
    """
    try:
        before = int(count.read_text())
        wanted = before + _missing(gibibytes, memory)
        count.write_text(f"{wanted}\n")
    except OSError:  # not Linux, not allowed, or read-only as in a container
        yield False
        return
    try:
        yield int(count.read_text()) >= wanted
    finally:
        count.write_text(f"{before}\n")


def _missing(gibibytes: int, memory: Path) -> int:
    """How many more pages there must be, so that enough of them are free."""
    known = dict(line.split(":", 1) for line in memory.read_text().splitlines())
    size = int(known["Hugepagesize"].removesuffix("kB")) * 1024
    needed = round(_OVERHEAD * gibibytes * 2**30 / size)
    return max(0, needed - int(known["HugePages_Free"]))
