"""Modules say their rules; what the kernel offers to the sides says what it takes, gives and raises."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

Documented = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def test_every_module_with_code_says_what_it_is_for(trees: dict[Path, ast.Module]) -> None:
    silent = [str(path) for path, tree in trees.items() if tree.body and ast.get_docstring(tree) is None]
    assert silent == []


def test_public_classes_and_functions_of_the_kernel_are_described(trees: dict[Path, ast.Module]) -> None:
    silent = [
        f"{path}:{node.lineno} {node.name}"
        for path, tree in trees.items()
        if path.is_relative_to("kernel")
        for node in _public(tree)
        if ast.get_docstring(node) is None
    ]
    assert silent == []


def _public(tree: ast.Module) -> Iterator[Documented]:
    """Classes and functions of a module that other modules may use; methods follow their class."""
    for node in tree.body:
        if isinstance(node, Documented) and not node.name.startswith("_"):
            yield node
