"""Several hub processes of one configuration, behind one address: started, watched, stopped together.

Every process is a whole hub (`passerelle hub run`); they find each other through the database alone. One
that ends is started again, after a pause that grows while it ends at once. SIGTERM and SIGINT go to all of
them, and this process ends when the last one did.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from passerelle.log import get_logger

_LOG: Final = get_logger("hub")
_POLL_SECONDS: Final = 0.2
_LONGEST_PAUSE: Final = 10.0
_WELL_SECONDS: Final = 30.0
"""A process that ran for so long begins with the shortest pause again."""


@dataclass(slots=True)
class _Child:
    process: subprocess.Popen[bytes]
    started: float
    pause: float = 0.5
    due: float = 0.0


def hub_command(config: Path) -> list[str]:
    """What starts one hub process."""
    return [sys.executable, "-m", "passerelle", "hub", "run", "--config", str(config)]


def run_several(command: Sequence[str], count: int, stop: threading.Event | None = None) -> None:
    """Run `count` processes until told to stop (SIGTERM, SIGINT or `stop`)."""
    stop = stop or _signalled()
    start: Callable[[], subprocess.Popen[bytes]] = lambda: subprocess.Popen(command)  # noqa: S603, E731 - our own command line
    children = [_Child(start(), time.monotonic()) for _ in range(count)]
    try:
        while not stop.wait(_POLL_SECONDS):
            for child in children:
                _watch(child, start)
    finally:
        for child in children:
            child.process.terminate()
        for child in children:
            child.process.wait()


def _watch(child: _Child, start: Callable[[], subprocess.Popen[bytes]]) -> None:
    if child.process.poll() is None:
        return
    now = time.monotonic()
    if not child.due:
        if now - child.started > _WELL_SECONDS:
            child.pause = 0.5
        child.due = now + child.pause
        child.pause = min(2 * child.pause, _LONGEST_PAUSE)
        _LOG.warning("process.ended", exit_code=child.process.returncode, again_in=round(child.due - now, 1))
    elif now >= child.due:
        child.process, child.started, child.due = start(), now, 0.0


def _signalled() -> threading.Event:
    stop = threading.Event()

    def told(_number: int, _frame: object) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, told)
    return stop
