"""What doctor says about copies: none configured, none made, too old, fresh."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from passerelle.checks import Check, State
from passerelle.clock import SECOND, ManualClock
from passerelle_hub.checks import backup_age

HOUR = 3600 * SECOND


def settings(folder: Path | None) -> Any:
    def same(path: Path) -> Path:
        return path

    return SimpleNamespace(backup=SimpleNamespace(folder=folder, max_age_hours=26.0), path=same)


def state(found: str | Check) -> State:
    return found.state if isinstance(found, Check) else State.OK


def test_each_finding(tmp_path: Path) -> None:
    clock = ManualClock()
    assert state(backup_age(settings(None), clock)) is State.WARN
    assert state(backup_age(settings(tmp_path), clock)) is State.FAIL
    (tmp_path / f"copy-{clock.now():020}-00000000.sealed").touch()
    clock.advance(26 * HOUR)
    assert backup_age(settings(tmp_path), clock) == "the newest copy is 26.0 hours old"
    clock.advance(HOUR)
    assert state(backup_age(settings(tmp_path), clock)) is State.FAIL
