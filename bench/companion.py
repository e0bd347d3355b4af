"""A process beside the benchmark's own, and the line to it; it ends when the line is closed."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Final, Self

_ENDS_SECONDS: Final = 10


class Companion:
    """The process, from here: runs `target` with its end of the line and `args`."""

    def __init__(self, method: str, target: Callable[..., None], *args: Any) -> None:
        """`method` of starting: "spawn"; "fork" for what cannot be sent, before this process has threads."""
        context: Any = multiprocessing.get_context(method)
        self._line: Connection
        self._line, theirs = context.Pipe()
        self._process = context.Process(target=_run, args=(self._line, theirs, target, args), daemon=True)
        self._process.start()
        theirs.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._line.close()
        self._process.join(_ENDS_SECONDS)
        self._process.kill()


def _run(ours: Connection, theirs: Connection, target: Callable[..., None], args: tuple[Any, ...]) -> None:
    ours.close()  # held here too, it would never be seen to end
    with suppress(EOFError):  # the other side is done
        target(theirs, *args)
