"""The lock pins every package by version and hash, and holds everything requirements.in asks for."""

from __future__ import annotations

import re
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}(?=\s|$)")


def _lock(repository: Path) -> dict[str, tuple[Requirement, int]]:
    """Name → (requirement, number of hashes) of each entry of the lock."""
    text = (repository / "requirements.lock").read_text("utf-8").replace("\\\n", " ")
    entries = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    parsed = [(Requirement(line.split("--hash=")[0]), len(HASH.findall(line))) for line in entries]
    return {canonicalize_name(requirement.name): (requirement, hashes) for requirement, hashes in parsed}


def test_every_entry_is_pinned_and_has_hashes(repository: Path) -> None:
    lock = _lock(repository)
    assert len(lock) > 50
    assert [name for name, (_, hashes) in lock.items() if hashes == 0] == []
    loose = [
        name for name, (entry, _) in lock.items() if {part.operator for part in entry.specifier} != {"=="}
    ]
    assert loose == []


def test_everything_asked_for_is_in_the_lock(repository: Path) -> None:
    lock = _lock(repository)
    lines = (repository / "requirements.in").read_text("utf-8").splitlines()
    for asked in (Requirement(line) for line in lines if line and not line.startswith("#")):
        pinned, _ = lock[canonicalize_name(asked.name)]
        version = next(iter(pinned.specifier)).version
        assert asked.specifier.contains(version), f"{asked} is locked at {version}: run make lock"
