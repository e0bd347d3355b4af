"""What somebody meets who tries Passerelle for the first time: installation, demonstration, first match.

(1) a fresh environment from the lock, by hash, and the project in it, as `make dev` does; packages come from
    the registry or its local cache;
(2) `passerelle demo --once` there, to its end; it says itself how long after its start the first match was.

An address to open in a browser is not timed: there is no console yet.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from bench.figures import Figure, Sizes, at_most

ROOT = Path(__file__).parents[1]
_PIP = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check")
_INSTALL_AND_DEMO = "first run, installation and the whole demonstration"


def run(sizes: Sizes, folder: Path) -> tuple[Figure, ...]:
    """Measure; a small run leaves the installation out."""
    began, python = time.monotonic(), Path(sys.executable)
    if sizes.installs:
        python = _installed(folder / "venv")
    ready = time.monotonic()
    said = _run(python, "-m", "passerelle", "demo", "--once", "--json")
    ended = time.monotonic()
    figures: dict[str, Any] = json.loads(said)
    together = (
        at_most(_INSTALL_AND_DEMO, ended - began, "s", 180)
        if sizes.installs
        else Figure(_INSTALL_AND_DEMO, None, "s", "<= 180")
    )
    return (
        at_most("first run, first match after the start", figures["seconds_to_first_match"], "s", 10),
        Figure("first run, address to open after the start", None, "s", "<= 5"),
        together,
        Figure("first run, the whole demonstration", ended - ready, "s"),
    )


def _installed(folder: Path) -> Path:
    """(1) The interpreter of a fresh environment."""
    _run(Path(sys.executable), "-m", "venv", str(folder))
    python = folder / "bin" / "python"
    _run(python, *_PIP, "--require-hashes", "-r", str(ROOT / "requirements.lock"))
    _run(python, *_PIP, "--no-deps", "--no-build-isolation", "--editable", str(ROOT))
    return python


def _run(python: Path, *arguments: str) -> str:
    done = subprocess.run(  # noqa: S603 - fixed commands
        [str(python), *arguments], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return done.stdout
