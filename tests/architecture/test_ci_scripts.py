"""The scripts by which the pipeline judges figures and policy tests can fail."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

Script = Callable[[str], ModuleType]
DEMO, POLICIES = ".ci/check_demo.py", ".ci/check_policies.py"
GOOD: dict[str, Any] = {
    **dict.fromkeys(("agencies", "records", "tokens", "links", "candidates", "notifications"), 4),
    **{"precision": 1.0, "recall": 0.96, "seconds_to_first_match": 4.2},
    **{"records_per_second": 90.0, "peak_memory_mb": 400.0},
}


@pytest.mark.parametrize("indent", [None, 2])
def test_the_last_object_of_an_output_is_read(script: Script, indent: int | None) -> None:
    text = f"hub ready\n{{odd}} line\n{json.dumps(GOOD, indent=indent)}\n"
    assert script(DEMO).last_object(text) == GOOD


def test_an_output_without_object_is_refused(script: Script) -> None:
    with pytest.raises(ValueError, match="no JSON object"):
        script(DEMO).last_object("Traceback\n")


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({}, None),
        ({"recall": 0.94}, "recall"),
        ({"precision": 0.98}, "precision"),
        ({"seconds_to_first_match": 10.1}, "first match"),
        ({"seconds_to_first_match": None}, "first match"),
        ({"links": 0}, "links is empty"),
    ],
)
def test_figures_under_the_least_are_named(script: Script, change: dict[str, Any], fault: str | None) -> None:
    found = script(DEMO).faults({**GOOD, **change}, 0.95, 0.99, 10.0)
    assert (fault is None and found == []) or (fault is not None and fault in found[0])


def test_a_missing_figure_is_named(script: Script) -> None:
    found = script(DEMO).faults({"recall": 1.0}, 0.95, 0.99, None)
    assert "records is missing" in found


def _rows(*rows: tuple[str, str, bool]) -> list[dict[str, Any]]:
    return [{"engine": engine, "name": name, "passed": passed} for engine, name, passed in rows]


def test_both_engines_must_run_the_same_tests_and_pass(script: Script) -> None:
    faults, well = script(POLICIES).faults, [{"path": "a.rego", "percent": 95.0}]
    both = _rows(("embedded", "a", True), ("opa", "a", True))
    assert faults(both, well) == []
    assert faults(_rows(("embedded", "a", True)), well) == ["no test ran on opa", "a ran on one engine only"]
    assert faults(_rows(("embedded", "a", True), ("opa", "a", False)), well) == ["a failed on opa"]
    assert faults(both, []) == ["coverage was not measured"]
    assert faults(both, [{"path": "a.rego", "percent": 94.9}]) == ["a.rego is tested to 94.9 %"]
