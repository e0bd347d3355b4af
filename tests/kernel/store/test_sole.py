"""Two running processes never work on one store."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from passerelle.store.sole import sole

PROGRAM = """
import sys
from pathlib import Path
from passerelle.errors import PasserelleError
from passerelle.store.sole import sole
try:
    with sole(Path(sys.argv[1])):
        print("runs")
except PasserelleError as error:
    print(error.code, error.detail)
"""


def another(store: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(store)], capture_output=True, check=True, text=True
    )
    return done.stdout.strip()


@pytest.mark.integration
def test_a_second_process_is_refused_until_the_first_has_ended(tmp_path: Path) -> None:
    store = tmp_path / "hub.db"
    with sole(store):
        assert another(store) == "already_running hub.db"
        assert another(tmp_path / "other.db") == "runs"
    assert another(store) == "runs"


@pytest.mark.integration
def test_a_child_that_outlives_a_killed_process_keeps_nobody_out(tmp_path: Path) -> None:
    store = tmp_path / "hub.db"
    lasting = f"""
import os, signal, sys, time
from pathlib import Path
sys.argv = ["", {str(store)!r}]
from passerelle.store.sole import sole
with sole(Path(sys.argv[1])):
    if os.fork():
        os.kill(os.getpid(), signal.SIGKILL)
    print("child", os.getpid(), flush=True)
    sys.stdin.read()
"""
    with subprocess.Popen(
        [sys.executable, "-c", lasting], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as killed:
        assert killed.stdout is not None
        assert killed.stdout.readline().startswith("child")
        killed.wait()
        assert another(store) == "runs"
        killed.communicate()


def test_the_lock_lies_beside_the_store_for_its_user_alone(tmp_path: Path) -> None:
    with sole(tmp_path / "hub.db"):
        pass
    assert [(one.name, one.stat().st_mode & 0o777) for one in tmp_path.iterdir()] == [("hub.db.lock", 0o600)]
