"""The part of requirements.lock that one role needs, hashes and all: an image holds no tools of development.

    python docker/role_lock.py requirements.lock kernel/pyproject.toml hub/pyproject.toml > role.lock
    python docker/role_lock.py --extras pkcs11 requirements.lock kernel/pyproject.toml hub/pyproject.toml

Starts from what the recipes declare, with the extras asked for and the build backend they name, and follows
the `# via` notes of the lock backwards. `pip install --require-hashes` then proves the result complete, since
it refuses what has no hash. Standard library only, since it runs before anything is installed.
"""

from __future__ import annotations

import argparse
import re
import sys
import tomllib
from collections.abc import Collection
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


def asked(recipe: str, extras: Collection[str] = ()) -> set[str]:
    """The packages of others that a recipe names, build backend and those of its extras included."""
    values = tomllib.loads(recipe)
    lines = values["project"]["dependencies"] + values["build-system"]["requires"]
    for extra, needed in offered(recipe).items():
        lines += needed if extra in extras else []
    named = {canonical(line) for line in lines}
    return {name for name in named if not name.startswith(OURS)}


def offered(recipe: str) -> dict[str, list[str]]:
    """The extras of a recipe: what each needs."""
    found: dict[str, list[str]] = tomllib.loads(recipe)["project"].get("optional-dependencies", {})
    return found


def main(lock_file: str, *files: str, extras: Collection[str] = ()) -> None:
    """Write the part to standard output.

    Raises:
        KeyError: an extra that no recipe has, or a package that is not in the lock.
    """
    lock = read_lock(Path(lock_file).read_text("utf-8"))
    recipes = [Path(file).read_text("utf-8") for file in files]
    if unknown := set(extras).difference(*map(offered, recipes)):
        raise KeyError(f"no recipe has the extra {min(unknown)}")
    wanted = set[str]().union(*(asked(recipe, extras) for recipe in recipes))
    for name in sorted(closure(lock, wanted)):
        sys.stdout.write("\n".join(lock[name].lines) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="The part of the lock that one role needs.")
    parser.add_argument("--extras", default="", help="extras of the recipes, with blanks between them")
    parser.add_argument("lock")
    parser.add_argument("recipes", nargs="+")
    given = parser.parse_args()
    main(given.lock, *given.recipes, extras=given.extras.split())
