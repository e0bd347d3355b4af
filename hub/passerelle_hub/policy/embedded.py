"""The embedded engine: regorus in supervised child processes, where no OPA server runs.

Why not in this process: the engine holds the interpreter's lock, is bound to one thread and knows no
time-out. In a child it gets a deadline, is killed when it misses one, and starts anew at the next call.
While it is down every call raises; nothing is remembered or guessed.

With several workers a large batch is cut into parts that are evaluated side by side.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final, cast

from passerelle.errors import PasserelleError
from passerelle_hub.policy.bundle import Bundle
from passerelle_hub.policy.engine import ENGINE_DOWN, ENTRY_POINT, ROOT
from passerelle_hub.policy.model import PolicyInput
from passerelle_hub.policy.parts import parts
from passerelle_hub.policy.supervised import Seat

DEADLINE: Final = 10.0
"""Seconds for one part of a batch (at most 1,000 inputs); about twenty times what it takes."""


class EmbeddedEngine:
    """An `Engine` over one bundle. Children start at the first call; `warm` starts them sooner."""

    def __init__(
        self, bundle: Bundle, *, workers: int = 1, deadline: float = DEADLINE, start_deadline: float = 20.0
    ) -> None:
        modules = [[module.path, module.text] for module in bundle.modules]
        loading = json.dumps({"modules": modules, "data": bundle.data_json()}).encode()
        self._seats = tuple(
            Seat(loading, deadline=deadline, start_deadline=start_deadline) for _ in range(workers)
        )
        self._pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="policy")
        self._turn = 0
        self._any_rule = f"data.{ROOT}.{bundle.packages[0]}.{ENTRY_POINT}"

    @property
    def pids(self) -> tuple[int | None, ...]:
        """Process ids of the children, None for one that is not running."""
        return tuple(seat.pid for seat in self._seats)

    @property
    def starts(self) -> int:
        """How many children were ever started; beyond the number of workers, each one replaced another."""
        return sum(seat.starts for seat in self._seats)

    def warm(self) -> None:
        """Start every child and have it load the bundle.

        Raises:
            PasserelleError: `policy_engine_down`, or `policy_evaluation_failed` for a bundle it refuses.
        """
        for seat in self._seats:
            seat.evaluate(self._any_rule, {"requests": {}})

    def evaluate(self, package: str, requests: Mapping[str, PolicyInput], /) -> Mapping[str, object]:
        """See `Engine.evaluate`."""
        rule = f"data.{ROOT}.{package}.{ENTRY_POINT}"
        cut = parts(requests, len(self._seats))
        if len(cut) == 1:
            return _answers(self._next_seat().evaluate(rule, {"requests": cut[0]}))
        running = [
            self._pool.submit(seat.evaluate, rule, {"requests": part})
            for seat, part in zip(self._seats, cut, strict=False)
        ]
        merged: dict[str, object] = {}
        for future in running:
            merged.update(_answers(future.result()))
        return merged

    def _next_seat(self) -> Seat:
        self._turn = (self._turn + 1) % len(self._seats)
        return self._seats[self._turn]

    def close(self) -> None:
        """Kill the children."""
        self._pool.shutdown(wait=True)
        for seat in self._seats:
            seat.close()


def _answers(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise PasserelleError(ENGINE_DOWN, "the entry point is undefined or no object")
    return cast("dict[str, object]", value)
