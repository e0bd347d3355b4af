"""Several processes under one: what ends is started again, all end together."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from passerelle.errors import PasserelleError
from passerelle_hub.cli import app
from passerelle_hub.several import hub_command, run_several

SLEEPER = (sys.executable, "-c", "import time; time.sleep(60)")


def sleepers(count: int, *, other_than: frozenset[int] = frozenset()) -> list[psutil.Process]:
    """This process's sleeping children, once there are `count` that are not among some others."""
    for _ in range(400):
        found = [one for one in psutil.Process().children() if one.pid not in other_than and _sleeps(one)]
        if len(found) == count:
            return found
        time.sleep(0.05)
    raise AssertionError(f"never {count} processes")


def _sleeps(process: psutil.Process) -> bool:
    try:
        return "sleep(60)" in " ".join(process.cmdline())
    except psutil.NoSuchProcess:  # a zombie is none either
        return False


@pytest.mark.integration
def test_a_process_that_ends_is_started_again_and_all_end_together() -> None:
    stop = threading.Event()
    running = threading.Thread(target=run_several, args=(SLEEPER, 2, stop))
    running.start()
    try:
        first, second = sleepers(2)
        first.kill()
        sleepers(1, other_than=frozenset({first.pid, second.pid}))
    finally:
        stop.set()
        running.join(20)
    assert not running.is_alive()
    assert sleepers(0) == []


def test_one_file_takes_one_process(tmp_path: Path) -> None:
    config = tmp_path / "hub.toml"
    config.write_text('identity = "spiffe://hub.example/hub/exchange"\n[domains]\nter = [1]\n', "utf-8")
    with pytest.raises(PasserelleError, match="config_invalid"):
        app(["run", "--config", str(config), "--processes", "2"], result_action="return_value")
    assert hub_command(config)[-2:] == ["--config", str(config)]
