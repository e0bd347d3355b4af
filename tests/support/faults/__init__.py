"""Faults at each durable write: `inject.c` makes them, `stage` runs `stories` under them.

    PYTHONPATH=tests/support python -m faults <folder>      reads runs, one a line, and answers each

The process is started once for all runs, with `inject.c` before the C library. Each run (1) brings the
story's folder back to its beginning; (2) plays the story in a fork, with one fault armed; (3) plays it again
in another fork without faults, to its end, as a restarted process would; (4) checks what is there.
"""

from __future__ import annotations

import ctypes
import subprocess
from enum import IntEnum
from pathlib import Path

SOURCES = tuple(Path(__file__).with_name(name) for name in ("inject.c", "undo.c"))


class Fault(IntEnum):
    """What happens at the N-th durable write; the numbers are those of `inject.c`."""

    COUNT = 0
    EIO = 1
    """It fails once; asked again it would succeed, as a synchronisation does that lost its pages."""
    ENOSPC = 2
    """It and all after it find the disk full."""
    KILL_BEFORE = 3
    TORN = 4
    """Killed with half of it written."""
    SYNC = 5
    """The first synchronisation from there on fails, once."""
    CUT = 6
    """The power is cut before it: whatever was not synchronised is lost, bytes and names."""
    CUT_DATA = 7
    """The same, but names are kept: a file that was named before it was synchronised shows."""
    CUT_SOME = 8
    """The same, but of each unsynchronised change a coin says whether it is kept."""


def build(folder: Path) -> Path:
    """Compile `inject.c` and `undo.c`; needs a C compiler."""
    library = folder / "inject.so"
    subprocess.run(
        ["cc", "-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror", "-o", library, *SOURCES, "-ldl"],  # noqa: S607 - the machine's own compiler
        check=True,
        timeout=300,
    )
    return library


def environment(library: Path, folder: Path, at: int, fault: Fault) -> dict[str, str]:
    """What arms a process from its start, for writes below a folder."""
    return {"LD_PRELOAD": str(library), "PASSERELLE_FAULT": f"{at} {fault.value} {folder}"}


def arm(folder: Path, at: int, fault: Fault) -> None:
    """Arm this process."""
    ctypes.CDLL(None).fault_arm(ctypes.c_char_p(bytes(folder)), ctypes.c_long(at), ctypes.c_int(fault))


def writes() -> int:
    """Durable writes of this process since it was armed."""
    counted: int = ctypes.CDLL(None).fault_count()
    return counted
