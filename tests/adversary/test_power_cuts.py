"""The instrument of `test_faults` loses what a power cut may lose, and nothing that was synchronised.

Each case is a small process that writes and is cut before its last durable write; the table says what must be
left. Careless ways of writing are in it: a story that wrote like that would be found out.
"""

from __future__ import annotations

import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from faults import Fault, build, environment

pytestmark = [pytest.mark.adversary]

BEFORE = b"before"
NEVER = 1_000
START = """
import os, pathlib, sqlite3, sys
from passerelle.privatefile import sync_folder, write_durably
folder = pathlib.Path(sys.argv[1])
file, other = folder / "file", folder / "other"
def synced(path, content):
    with path.open("wb") as stream:
        stream.write(content); stream.flush(); os.fsync(stream.fileno())
def commit(level):
    one = sqlite3.connect(folder / "db", isolation_level=None)
    one.execute(f"PRAGMA synchronous={level}"); one.execute("PRAGMA journal_mode=WAL")
    one.execute("CREATE TABLE IF NOT EXISTS t (n)"); one.execute("INSERT INTO t VALUES (1)")
    return one
"""
END = "\n(folder / 'end').mkdir()"
CASES: dict[str, tuple[str, Fault, dict[str, bytes]]] = {
    "a file that nobody synchronised": ("other.write_bytes(b'new')", Fault.CUT, {"file": BEFORE}),
    "the same, its name kept": (
        "other.write_bytes(b'new')",
        Fault.CUT_DATA,
        {"file": BEFORE, "other": b""},
    ),
    "a file without its name": ("synced(other, b'new')", Fault.CUT, {"file": BEFORE}),
    "renamed before it was synchronised": (
        "other.write_bytes(b'new'); other.replace(file); sync_folder(folder)",
        Fault.CUT,
        {"file": b""},
    ),
    "renamed, the folder not synchronised": (
        "synced(other, b'new'); sync_folder(folder); other.replace(file)",
        Fault.CUT,
        {"file": BEFORE, "other": b"new"},
    ),
    "written over": ("file.write_bytes(b'new')", Fault.CUT, {"file": BEFORE}),
    "written into": ("os.pwrite(os.open(file, os.O_WRONLY), b'xx', 2)", Fault.CUT, {"file": BEFORE}),
    "removed": ("file.unlink()", Fault.CUT, {"file": BEFORE}),
    "removed and synchronised": ("file.unlink(); sync_folder(folder)", Fault.CUT, {}),
    "in a folder that has no name yet": (
        "(folder / 'new').mkdir(); write_durably(folder / 'new' / 'file', b'new', mode=0o600)",
        Fault.CUT,
        {"file": BEFORE},
    ),
    "written durably": (
        "write_durably(other, b'new', mode=0o600); write_durably(file, b'new', mode=0o600, replace=True)",
        Fault.CUT,
        {"file": b"new", "other": b"new"},
    ),
}


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("cc") is None or sys.platform != "linux":
        pytest.skip("no C compiler (Debian: gcc, libc6-dev) on Linux: faults cannot be made")
    return build(tmp_path_factory.mktemp("faults"))


@pytest.mark.parametrize("case", CASES)
def test_what_was_not_synchronised_is_lost_and_nothing_else(case: str, library: Path, tmp_path: Path) -> None:
    script, fault, left = CASES[case]
    folder = began(tmp_path)
    cut(library, folder, script, fault)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == left


@pytest.mark.parametrize(("level", "rows"), [("FULL", 1), ("OFF", 0)])
def test_a_commit_of_sqlite_is_kept_as_its_level_says(
    level: str, rows: int, library: Path, tmp_path: Path
) -> None:
    folder = began(tmp_path)
    cut(library, folder, f"one = commit('{level}')", Fault.CUT)
    with closing(sqlite3.connect(folder / "db")) as left:
        tables = left.execute("SELECT count(*) FROM sqlite_master").fetchone()
        assert tables == (rows,)
        assert not rows or left.execute("SELECT n FROM t").fetchall() == [(1,)]


@pytest.mark.parametrize("seed", range(4))
def test_of_each_change_a_coin_says_whether_it_is_kept(seed: int, library: Path, tmp_path: Path) -> None:
    folder = began(tmp_path)
    script = f"for n in range({16 + seed}): (folder / str(n)).mkdir()"
    cut(library, folder, script, Fault.CUT_SOME)
    assert 1 < len(list(folder.iterdir())) < 16 + seed


def began(tmp_path: Path) -> Path:
    folder = tmp_path / "cut"
    folder.mkdir()
    (folder / "file").write_bytes(BEFORE)
    return folder


def cut(library: Path, folder: Path, script: str, fault: Fault) -> None:
    """Count the writes of a process in a copy, then cut its power before the last one."""
    trial = folder.with_name("trial")
    shutil.copytree(folder, trial)
    counting = f"{START}{script}{END}\nimport ctypes; print(ctypes.CDLL(None).fault_count())"
    counted = run(library, trial, counting, NEVER, Fault.COUNT)
    assert counted.returncode == 0, counted.stderr
    ended = run(library, folder, START + script + END, int(counted.stdout), fault)
    assert ended.returncode == -signal.SIGKILL, ended.stderr


def run(library: Path, folder: Path, script: str, at: int, fault: Fault) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script, str(folder)],
        env=environment(library, folder, at, fault),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
