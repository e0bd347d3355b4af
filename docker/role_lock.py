"""The part of requirements.lock that one role needs, hashes and all: an image holds no tools of development.

    python docker/role_lock.py requirements.lock kernel/pyproject.toml hub/pyproject.toml > role.lock

Starts from what the recipes declare (and the build backend they name) and follows the `# via` notes of the
lock backwards. `pip install --require-hashes` then proves the result complete, since it refuses what has no
hash. Standard library only, since it runs before anything is installed.
"""

from __future__ import annotations

import re
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*")
OURS = "passerelle-"


@dataclass(frozen=True, slots=True)
class Entry:
    """One pinned package: its lines in the lock, and the packages that asked for it."""

    lines: tuple[str, ...]
    via: frozenset[str]


def canonical(requirement: str) -> str:
    """The normalised name of a requirement (PEP 503).

    Raises:
        ValueError: it begins with no name.
    """
    found = NAME.match(requirement)
    if found is None:
        raise ValueError(f"no package name in {requirement!r}")
    return re.sub(r"[-_.]+", "-", found.group()).lower()


def read_lock(text: str) -> dict[str, Entry]:
    """The entries of a lock as uv writes it: pin and hashes, then the indented `# via` notes."""
    blocks: dict[str, list[str]] = {}
    current: list[str] = []
    for line in text.splitlines():
        if NAME.match(line):
            current = blocks.setdefault(canonical(line), [])
        if line.strip() and not line.startswith("#"):
            current.append(line)
    return {name: _entry(lines) for name, lines in blocks.items()}


def _entry(lines: list[str]) -> Entry:
    notes = [line.strip() for line in lines if line.lstrip().startswith("#")]
    via = (note.removeprefix("#").strip().removeprefix("via").strip() for note in notes)
    pins = tuple(line for line in lines if not line.lstrip().startswith("#"))
    return Entry(pins, frozenset(canonical(name) for name in via if name and not name.startswith("-r")))


def closure(lock: dict[str, Entry], wanted: set[str]) -> set[str]:
    """The wanted packages and everything that is in the lock on their account.

    Raises:
        KeyError: a wanted package is not in the lock.
    """
    found: set[str] = set()
    waiting = set(wanted)
    while waiting:
        name = waiting.pop()
        if name not in lock:
            raise KeyError(f"{name} is not in the lock: run make lock")
        found.add(name)
        waiting |= {other for other, entry in lock.items() if name in entry.via} - found
    return found


def asked(recipe: str) -> set[str]:
    """The packages of others that a recipe names, build backend included."""
    values = tomllib.loads(recipe)
    named = {
        canonical(line) for line in values["project"]["dependencies"] + values["build-system"]["requires"]
    }
    return {name for name in named if not name.startswith(OURS)}


def main(lock_file: str, *recipes: str) -> None:
    """Write the part to standard output."""
    lock = read_lock(Path(lock_file).read_text("utf-8"))
    wanted = set[str]().union(*(asked(Path(recipe).read_text("utf-8")) for recipe in recipes))
    for name in sorted(closure(lock, wanted)):
        sys.stdout.write("\n".join(lock[name].lines) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
