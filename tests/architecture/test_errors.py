"""The table of error codes and the code that raises them agree, and every public text is complete."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from passerelle.errors import ErrorSpec, table

# Codes that stand in the table before the code that raises them: why, and until when.
ANNOUNCED: dict[str, str] = {}
SIDES = ("kernel", "hub", "connectors", "trustees", "pki", "demo")


def _codes(node: ast.expr) -> Iterator[str]:
    """The codes an expression can stand for, as far as they are written out."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from _codes(node.body)
        yield from _codes(node.orelse)


def _raised(trees: dict[Path, ast.Module]) -> Iterator[tuple[str, str]]:
    for path, tree in trees.items():
        if path.parts[0] not in SIDES:
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and _is_error(node.func):
                first = [*node.args[:1], *(word.value for word in node.keywords if word.arg == "code")]
                for argument in first:
                    yield from ((code, f"{path}:{node.lineno}") for code in _codes(argument))


def _is_error(function: ast.expr) -> bool:
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return name == "PasserelleError"


def test_every_code_that_is_raised_stands_in_the_table(trees: dict[Path, ast.Module]) -> None:
    raised = list(_raised(trees))
    assert raised
    assert [(code, place) for code, place in raised if code not in table()] == []


def test_every_code_of_the_table_is_used_or_announced(trees: dict[Path, ast.Module]) -> None:
    written = {
        node.value
        for path, tree in trees.items()
        if path.parts[0] in SIDES
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert sorted(set(table()) - written - set(ANNOUNCED)) == []
    assert sorted(set(ANNOUNCED) & written) == [], "no longer only announced"


@pytest.mark.parametrize("spec", table().values(), ids=lambda spec: spec.code)
def test_a_public_text_names_cause_owner_and_fix(spec: ErrorSpec) -> None:
    assert spec.cause.endswith(".")
    assert spec.fix.endswith(".")
    assert spec.owner and not spec.owner.endswith(".")
    assert spec.code.isidentifier() and spec.code == spec.code.lower()
