"""No command takes a secret as an argument: the list of processes and the shell's history show arguments."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from cyclopts import App

from passerelle.cli import build

SECRET = re.compile(r"pass|secret|pin\b|token|code\b|code[-_]file|\bkey\b|pepper|credential", re.IGNORECASE)
SAFE = {"--digest", "--fingerprint"}


def commands(app: App, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], App]]:
    """Every command with the words that lead to it."""
    for name in app:
        if name.startswith("-"):
            continue
        below = app[name]
        yield (*path, name), below
        yield from commands(below, (*path, name))


def options(app: App) -> Iterator[tuple[str, Any]]:
    """The options of a command with the type that each takes."""
    if app.default_command is None:
        return
    for argument in app.assemble_argument_collection():
        for name in argument.names:
            yield name, argument.hint


def test_an_option_that_sounds_secret_names_a_file() -> None:
    found = [
        f"{' '.join(words)} {name}"
        for words, app in commands(build())
        for name, hint in options(app)
        if SECRET.search(name) and name not in SAFE and "Path" not in str(hint)
    ]
    assert found == []


def test_the_test_sees_the_commands() -> None:
    seen = {" ".join(words) for words, _ in commands(build())}
    assert {"connector enrol", "pki approve", "hub suspend", "seal-keys"} <= seen
    taken = {
        name: hint
        for words, app in commands(build())
        if words == ("connector", "enrol")
        for name, hint in options(app)
    }
    assert "Path" in str(taken["--code-file"])
