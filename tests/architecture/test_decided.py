"""No servicer acts without a decision: in the source, every call asks policy before it does anything else."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from passerelle_hub import calls

ROOT = Path(__file__).parents[2]
HUB = ROOT / "hub" / "passerelle_hub"
ASKS_FOR_EVERY_RECORD = {
    "/passerelle.wire.v1.Exchange/Submit": ("intake",),
    "/passerelle.wire.v1.Query/Ask": ("queries",),
    "/passerelle.wire.v1.Judgement/Judge": ("judgements",),
}
"""Calls whose step asks policy itself, record by record. `tests/hub/test_decided.py` and, for queries
and judgements, `tests/hub/query/test_ask.py` and `tests/hub/judge/test_judging.py` hold the step to it."""


def servicers() -> Iterator[tuple[str, ast.AsyncFunctionDef]]:
    """Every method of the hub that implements a call: (method name on the wire, its source)."""
    for path in sorted(HUB.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.ClassDef):
                continue
            bases = [base.attr for base in node.bases if isinstance(base, ast.Attribute)]
            for service in (base.removesuffix("Servicer") for base in bases if base.endswith("Servicer")):
                for method in node.body:
                    if isinstance(method, ast.AsyncFunctionDef) and method.name[0].isupper():
                        yield f"/passerelle.wire.v1.{service}/{method.name}", method


def steps(method: ast.AsyncFunctionDef) -> list[tuple[str, ...]]:
    """What a method reaches of its own object, in the order of the source: names from `self` outward."""
    found: list[tuple[int, int, int, tuple[str, ...]]] = []
    for node in ast.walk(method):
        names: list[str] = []
        inner: ast.expr | None = node if isinstance(node, ast.Attribute) else None
        while isinstance(inner, ast.Attribute):
            names.insert(0, inner.attr.lstrip("_"))
            inner = inner.value
        if isinstance(inner, ast.Name) and inner.id == "self" and names[0] != "threads":
            found.append((inner.lineno, inner.col_offset, -len(names), tuple(names)))
    return [names for *_, names in sorted(found)]


def required(method: ast.AsyncFunctionDef) -> list[str]:
    """The rules that a method hands to `access.require`, as values of the table of calls."""
    names = [
        argument.attr
        for node in ast.walk(method)
        if isinstance(node, ast.Call)
        and any(ast.unparse(one).endswith("access.require") for one in node.args)
        for argument in node.args
        if isinstance(argument, ast.Attribute) and ast.unparse(argument).startswith("calls.")
    ]
    return [getattr(calls, name).method for name in names]


FOUND = dict(servicers())


def test_every_call_of_the_hub_was_found() -> None:
    assert FOUND.keys() == calls.RULES.keys()


@pytest.mark.parametrize("name", sorted(calls.RULES.keys() - ASKS_FOR_EVERY_RECORD.keys()))
def test_a_call_asks_for_its_own_rule_before_anything_else(name: str) -> None:
    first = steps(FOUND[name])[0]
    assert first == ("access", "require"), f"{name} touches {'.'.join(first)} before policy is asked"
    assert required(FOUND[name]) == [name]


@pytest.mark.parametrize("name", sorted(ASKS_FOR_EVERY_RECORD))
def test_a_call_that_decides_in_its_step_reaches_that_step_alone(name: str) -> None:
    assert {names[:1] for names in steps(FOUND[name])} == {ASKS_FOR_EVERY_RECORD[name]}


def test_a_method_that_acts_first_would_be_found() -> None:
    source = "async def Read(self):\n    x = self._store.all()\n    await self._access.require(x)"
    (method,) = ast.parse(source).body
    assert isinstance(method, ast.AsyncFunctionDef)
    assert steps(method)[0] == ("store", "all")
