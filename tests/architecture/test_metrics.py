"""Counts are the operator's: no role exports metrics; what counts hidden links is shown by commands alone.

A counter labelled by agency or outcome that others can read would tell of records that must not exist for
them: `tests/adversary/test_hidden_existence.py` shows one that does. Who adds an exporter decides first who
reads it, and has the adversary test look at it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROLES = ("kernel", "hub", "connectors", "trustees", "pki")
EXPORTERS = re.compile(r"(prometheus|opentelemetry|statsd|datadog|sentry)", re.IGNORECASE)


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{name.name}" for name in node.names)


def modules(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


def test_no_role_exports_metrics() -> None:
    found = [path for path in modules(*ROLES) if any(EXPORTERS.match(name) for name in imports(path))]
    assert found == []


def test_no_exporter_is_in_the_lock() -> None:
    lines = (ROOT / "requirements.lock").read_text("utf-8").splitlines()
    assert [line for line in lines if EXPORTERS.match(line)] == []


def test_the_hubs_figures_are_shown_by_the_operators_commands_alone() -> None:
    users = [
        path.name
        for path in modules("hub")
        if any(name.startswith("passerelle_hub.figures") for name in imports(path))
    ]
    assert users
    assert [name for name in users if not name.endswith("cli.py")] == []
