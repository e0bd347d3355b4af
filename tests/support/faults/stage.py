"""One run: a fork under a fault, a fork without, and what they came to. See the package."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

from faults import Fault, arm, writes
from passerelle.log import configure

SECONDS = 120
ATTEMPTS = 2
"""A process that a fault did not end tries once more, as the loops of a running one do."""


class Story(Protocol):
    """What happens between the beginning and the end of a folder; every method is played in a fork."""

    def play(self) -> None:
        """From whatever the folder holds to the end; raises what a process would log."""
        ...

    def check(self) -> None:
        """What must hold after the end; raises AssertionError or a coded error."""
        ...


@dataclass(frozen=True)
class Ended:
    """How a fork ended: exit code or minus the signal, its durable writes, what it said where it failed."""

    code: int
    writes: int
    said: str


@dataclass(frozen=True)
class Run:
    """Both forks of a run."""

    faulty: Ended
    after: Ended


class Stage:
    """Plays one story again and again from the same beginning; `make` builds it in an empty folder."""

    def __init__(self, folder: Path, make: Callable[[Path], Story]) -> None:
        self._work = folder / "work"
        self._beginning = folder / "beginning"
        self._work.mkdir(parents=True)
        self._story = make(self._work)
        shutil.copytree(self._work, self._beginning)

    def run(self, at: int, fault: Fault) -> Run:
        """Steps 1 to 4."""
        shutil.rmtree(self._work)
        shutil.rmtree(self._work.with_name("work.kept"), ignore_errors=True)
        shutil.copytree(self._beginning, self._work)  # (1)
        faulty = _forked(lambda: self._attempts(at, fault))  # (2)
        return Run(faulty, _forked(self._to_the_end))

    def _attempts(self, at: int, fault: Fault) -> None:
        arm(self._work, at, fault)
        for _ in range(ATTEMPTS - 1):
            with suppress(Exception):
                return self._story.play()
        return self._story.play()

    def _to_the_end(self) -> None:
        self._story.play()  # (3)
        self._story.check()  # (4)


def _forked(action: Callable[[], None]) -> Ended:
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        _act(action, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as answer:
        said = answer.read()
    _, status = os.waitpid(child, 0)
    count, _, failed = said.decode().partition("\n")
    return Ended(os.waitstatus_to_exitcode(status), int(count or 0), failed)


def _act(action: Callable[[], None], answer: int) -> None:
    """The life of a fork; never returns."""
    signal.alarm(SECONDS)
    code, said = 0, ""
    try:
        action()
    except BaseException:  # noqa: BLE001 - whatever it is, it is the answer
        code, said = 1, traceback.format_exc()
    os.write(answer, f"{writes()}\n{said[-6_000:]}".encode())
    os._exit(code)


def serve(stories: Mapping[str, Callable[[Path], Story]], folder: Path) -> None:
    """Answer runs of standard input, `{"story", "at", "fault"}` a line, until it ends."""
    configure("test", "CRITICAL")
    stages: dict[str, Stage] = {}
    for line in sys.stdin:
        asked = json.loads(line)
        name = asked["story"]
        if name not in stages:
            stages[name] = Stage(folder / name, stories[name])
        run = stages[name].run(asked["at"], Fault(asked["fault"]))
        sys.stdout.write(json.dumps(asdict(run)) + "\n")
        sys.stdout.flush()
