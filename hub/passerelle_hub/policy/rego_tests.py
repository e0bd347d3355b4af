"""Runs the Rego tests beside the packages: on the embedded engine, and on OPA where its binary is found.

A test is a rule whose name begins with `test_` in a file `*_test.rego`; it passes where its value is `true`.
OPA also measures which lines of the rules the tests reach.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import regorus

from passerelle.errors import PasserelleError
from passerelle_hub.policy.bundle import Bundle


@dataclass(frozen=True, slots=True)
class TestResult:
    """One test on one engine."""

    __test__ = False  # pytest: not a test class

    engine: str
    name: str
    passed: bool


MIN_COVERAGE: Final = 95.0
"""Per cent of the rules' lines that the Rego tests must reach, of each file."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of one rule file the tests reach, in per cent, and the lines (from 1) that none does."""

    path: str
    percent: float
    missed: tuple[int, ...]


def opa_binary() -> str | None:
    """Path of the `opa` binary: `PASSERELLE_OPA`, else the one on PATH, else None."""
    return os.environ.get("PASSERELLE_OPA") or shutil.which("opa")


def run_embedded(bundle: Bundle) -> tuple[TestResult, ...]:
    """Run all tests on the embedded engine, in this process.

    Raises:
        PasserelleError: `policy_bundle_invalid`, a file does not parse.
    """
    engine = regorus.Engine()
    names: list[str] = []
    try:
        for module in bundle.modules:
            engine.add_policy(module.path, module.text)
        for module in bundle.tests:
            package = engine.add_policy(module.path, module.text)
            names += [f"{package}.{name}" for name in _test_names(module.text)]
        engine.add_data_json(bundle.data_json())
    except RuntimeError as error:
        raise PasserelleError("policy_bundle_invalid", str(error).partition("Stack")[0].strip()) from error
    return tuple(TestResult("embedded", name, _passes(engine, name)) for name in names)


def run_opa(bundle: Bundle, binary: str) -> tuple[TestResult, ...]:
    """Run all tests with `opa test` on a copy of the bundle.

    Raises:
        PasserelleError: `policy_evaluation_failed`, the binary did not answer with test results.
    """
    rows: list[dict[str, Any]] = _opa_test(bundle, binary) or []
    return tuple(
        TestResult("opa", f"{row['package']}.{row['name']}", not row.get("fail") and "error" not in row)
        for row in rows
    )


def coverage_opa(bundle: Bundle, binary: str) -> tuple[Coverage, ...]:
    """Which lines of each rule file the tests reach, as `opa test --coverage` counts them, by path.

    Raises:
        PasserelleError: `policy_evaluation_failed`, the binary did not answer with a report.
    """
    report: dict[str, Any] = _opa_test(bundle, binary, "--coverage")
    found: list[Coverage] = []
    for module in bundle.modules:
        # A file stands in the report by each way its name can be written: here reached, there missed lines.
        files = [row for path, row in report["files"].items() if path.endswith(f"/{module.path}")]
        reached = {line for row in files for line in _lines(row.get("covered", ()))}
        missed = {line for row in files for line in _lines(row.get("not_covered", ()))} - reached
        percent = 100.0 * len(reached) / (len(reached | missed) or 1)
        found.append(Coverage(module.path, round(percent, 1), tuple(sorted(missed))))
    return tuple(sorted(found, key=lambda item: item.path))


def _lines(spans: Any) -> Iterator[int]:
    for span in spans:
        yield from range(span["start"]["row"], span["end"]["row"] + 1)


def _opa_test(bundle: Bundle, binary: str, *options: str) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        bundle.write_opa(Path(folder), tests=True)
        done = subprocess.run(  # noqa: S603 - the operator's own binary, on our own files
            [binary, "test", "--format=json", *options, "-b", folder],
            capture_output=True,
            check=False,
            timeout=120,
        )
    try:
        return json.loads(done.stdout)
    except ValueError as error:
        raise PasserelleError("policy_evaluation_failed", f"opa test ended with {done.returncode}") from error


def check_opa(bundle: Bundle, binary: str) -> str:
    """What `opa check --strict` says against the bundle; empty where it has nothing to say."""
    with tempfile.TemporaryDirectory() as folder:
        bundle.write_opa(Path(folder), tests=True)
        done = subprocess.run(  # noqa: S603 - the operator's own binary, on our own files
            [binary, "check", "--strict", "-b", folder], capture_output=True, check=False, timeout=60
        )
        said = done.stderr.decode("utf-8", "replace").replace(f"{folder}/", "").strip()
    return "" if done.returncode == 0 else said or f"ended with {done.returncode}"


def _test_names(text: str) -> list[str]:
    heads = (line.split()[0] for line in text.splitlines() if line.startswith("test_"))
    return list(dict.fromkeys(heads))


def _passes(engine: regorus.Engine, name: str) -> bool:
    try:
        return engine.eval_rule(name) is True
    except RuntimeError:
        return False
