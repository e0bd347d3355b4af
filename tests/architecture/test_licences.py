"""No package of the lock is under the GPL or the AGPL; the LGPL is fine, since we only import."""

from __future__ import annotations

import re
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

STRONG = re.compile(r"(?<![A-Za-z])A?GPL|(?<!Lesser )(?<!Library or )General Public License", re.IGNORECASE)
OFFERED = re.compile(r"\bOR\b")


def _statements(package: Distribution) -> list[str]:
    """What a package says of its licence, most binding first: the SPDX expression, or else what there is."""
    metadata = package.metadata
    if expression := metadata.get_all("License-Expression"):
        return expression
    stated = [value for value in metadata.get_all("Classifier") or [] if value.startswith("License ::")]
    return stated or [value.splitlines()[0] for value in metadata.get_all("License") or [] if value.strip()]


def _copyleft(statement: str) -> bool:
    """Whether every licence on offer is a strong one (one acceptable alternative is enough)."""
    return all(STRONG.search(choice) for choice in OFFERED.split(statement))


def _locked(repository: Path) -> list[str]:
    text = (repository / "requirements.lock").read_text("utf-8")
    entries = [Requirement(line.rstrip(" \\")) for line in text.splitlines() if re.match(r"[a-z0-9]", line)]
    return [entry.name for entry in entries if entry.marker is None or entry.marker.evaluate()]


def test_no_package_of_the_lock_is_strong_copyleft(repository: Path) -> None:
    refused: dict[str, list[str]] = {}
    for name in _locked(repository):
        try:
            said = _statements(distribution(name))
        except PackageNotFoundError:
            pytest.fail(f"{name} is locked but not installed: make dev")
        if bad := [statement for statement in said if _copyleft(statement)]:
            refused[name] = bad
    assert refused == {}


@pytest.mark.parametrize(
    ("statement", "strong"),
    [
        ("GPL-3.0-or-later", True),
        ("AGPL-3.0-only", True),
        ("License :: OSI Approved :: GNU General Public License v3 (GPLv3)", True),
        ("License :: OSI Approved :: GNU Affero General Public License v3", True),
        ("LGPL-2.1-or-later", False),
        ("License :: OSI Approved :: GNU Lesser General Public License v2 or later (LGPLv2+)", False),
        ("License :: OSI Approved :: GNU Library or Lesser General Public License (LGPL)", False),
        ("MIT OR GPL-2.0-only", False),
        ("MIT", False),
    ],
)
def test_strong_copyleft_is_told_from_weak(statement: str, *, strong: bool) -> None:
    assert _copyleft(statement) is strong
