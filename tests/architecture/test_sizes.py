"""Modules and functions stay small enough to be read in one sitting."""

from __future__ import annotations

import ast
from pathlib import Path

MODULE_LINES = 400
FUNCTION_LINES = 60
# A migration is a list of statements, frozen once it is released: splitting it would hide their order.
FROZEN_LISTS = "versions"


def test_no_module_is_longer_than_four_hundred_lines(trees: dict[Path, ast.Module], repository: Path) -> None:
    lines = {path: len((repository / path).read_text("utf-8").splitlines()) for path in trees}
    assert {path: count for path, count in lines.items() if count > MODULE_LINES} == {}


def test_no_function_is_longer_than_sixty_lines(trees: dict[Path, ast.Module]) -> None:
    long = {
        f"{path}:{node.lineno} {node.name}": size
        for path, tree in trees.items()
        if path.parent.name != FROZEN_LISTS
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (size := (node.end_lineno or node.lineno) - node.lineno + 1) > FUNCTION_LINES
    }
    assert long == {}
