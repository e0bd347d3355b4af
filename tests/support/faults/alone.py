"""What lets a whole federation run in one thread of one process, without waiting."""

from __future__ import annotations

import asyncio
import json
import selectors
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import regorus

from passerelle_hub.policy.bundle import load_bundle
from passerelle_hub.policy.engine import ENTRY_POINT, ROOT
from passerelle_hub.policy.model import PolicyInput

POLICIES = Path(__file__).resolve().parents[3] / "policies"


class InProcess:
    """The policies in this very process: forks need no child of their own."""

    def __init__(self) -> None:
        bundle = load_bundle(POLICIES)
        self._engine = regorus.Engine()
        for module in bundle.modules:
            self._engine.add_policy(module.path, module.text)
        self._engine.add_data_json(bundle.data_json())

    def evaluate(self, package: str, requests: Mapping[str, PolicyInput], /) -> Mapping[str, object]:
        self._engine.set_input_json(json.dumps({"requests": requests}))
        return cast("Mapping[str, object]", self._engine.eval_rule(f"data.{ROOT}.{package}.{ENTRY_POINT}"))

    def close(self) -> None:
        """Nothing to close."""


class Inline(ThreadPoolExecutor):
    """Runs in the thread that asks."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - whoever awaits it gets it
            done.set_exception(error)
        return done


class Sleepless(selectors.DefaultSelector):
    """Never waits: what would be slept is added to the time instead."""

    def __init__(self) -> None:
        super().__init__()
        self.skipped = 0.0

    def select(self, timeout: float | None = None) -> Any:
        self.skipped += max(timeout or 0.0, 0.0)
        return super().select(0 if timeout is not None else None)


class Loop(asyncio.SelectorEventLoop):
    """One thread and no waiting."""

    def __init__(self) -> None:
        self._sleepless = Sleepless()
        super().__init__(self._sleepless)
        self.set_default_executor(Inline(1))

    def time(self) -> float:
        return super().time() + self._sleepless.skipped


def alone(action: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run to its end."""
    with asyncio.Runner(loop_factory=Loop) as runner:
        runner.run(action())
