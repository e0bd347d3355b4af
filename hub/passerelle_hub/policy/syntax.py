"""What the lint needs to know of a Rego file, read from the embedded engine's syntax tree.

The tree is JSON: every node is an object with one key, its kind. Only names, calls, negations, `with` and
references are of interest here; everything else is walked through.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from passerelle_hub.policy.bundle import Module
from passerelle_hub.policy.engine import ENTRY_POINT
from passerelle_hub.policy.jsonvalue import as_list, as_object

_REFERENCES: Final = ("Var", "RefDot", "RefBrack")
_COLLECTIONS: Final = {"SomeIn": "collection", "Membership": "collection", "Every": "domain"}
_LITERALS: Final = ("String", "RawString", "Number", "Bool")
REQUEST: Final = "request"
"""The parameter that stands for the input in packages whose rules are functions."""
VERDICTS: Final = ("decision", "decided")
"""The rule that gives a package's answer, and the function that does where rules are functions."""


@dataclass(frozen=True, slots=True)
class File:
    """One parsed file. Reads and calls are (line, dotted path); `withs` are (line, name of the rule).

    `lists` are what is iterated, counted or searched, as (line, rule, dotted path); `parameters` those of
    each definition of a function, by its name; `handed` the calls that are given the whole input, as (line,
    name, place); `decisions` what `VERDICTS` are given, as (line, rule, value), None for one without.
    """

    path: str
    package: str
    imports: dict[str, str]
    rules: frozenset[str]
    defaults: dict[str, Any]
    calls: tuple[tuple[int, str], ...]
    reads: tuple[tuple[int, str], ...]
    withs: tuple[tuple[int, str], ...]
    negated: tuple[tuple[int, Any], ...]
    lists: tuple[tuple[int, str, str], ...]
    parameters: dict[str, tuple[tuple[str, ...], ...]]
    handed: tuple[tuple[int, str, int], ...]
    decisions: tuple[tuple[int, str, Any], ...]

    @property
    def data_reads(self) -> tuple[tuple[int, str], ...]:
        """Reads that begin at `data` itself, not through an import."""
        return tuple((line, path) for line, path in self.reads if path.split(".")[0] == "data")


def read_file(module: Module, tree: Any) -> File:
    """Gather names, calls, reads, negations and `with` of one file."""
    rules = [_rule(entry) for entry in tree["rules"]]
    walk = _Walk()
    for name, node in rules:
        walk.rule = name
        walk.visit(node)
    return File(
        path=module.path,
        package=dotted(tree["package"]["refr"]),
        imports=dict(_import(entry, module.text.encode()) for entry in tree["imports"]),
        rules=frozenset(name for name, _ in rules),
        defaults={name: node["Default"]["value"] for name, node in rules if "Default" in node},
        calls=tuple(walk.calls),
        reads=tuple(walk.reads),
        withs=tuple(walk.withs),
        negated=tuple(walk.negated),
        lists=tuple(walk.lists),
        parameters=_parameters(tree["rules"]),
        handed=tuple(walk.handed),
        decisions=tuple(
            (line, name, value)
            for name, node in rules
            if name in VERDICTS and "Spec" in node
            for line, value in _values(node)
        ),
    )


def input_reads(file: File) -> Iterator[tuple[int, str]]:
    """Reads of the input, under its own name or as `REQUEST`, each cut at its first computed index."""
    for line, path in file.reads:
        head, dot, rest = path.partition(".")
        if head in ("input", REQUEST):
            yield line, f"input{dot}{rest}"


def handed_on(file: File) -> Iterator[tuple[int, bool]]:
    """Each call that is given the whole input, and whether what it calls takes it as `REQUEST`."""
    for line, name, place in file.handed:
        taken = [names[place : place + 1] for names in file.parameters.get(name, ())]
        yield line, bool(taken) and all(names == (REQUEST,) for names in taken)


def negations(file: File) -> Iterator[tuple[int, bool]]:
    """Each `not`, and whether it stands before a rule's name or a helper called with bound variables."""
    outside = file.rules | file.imports.keys() | {"input", "data"}
    for line, node in file.negated:
        kind, inner = _only(node)
        if kind == "Call":
            yield line, all(_bound(argument, outside) for argument in inner["params"])
        else:
            yield line, kind == "Var" and inner["value"] in file.rules


def _bound(argument: Any, outside: frozenset[str] | set[str]) -> bool:
    kind, inner = _only(argument)
    return kind in _LITERALS or (kind == "Var" and inner["value"] not in outside)


class _Walk:
    """Visits every node once; `rule` is the name of the rule being walked."""

    def __init__(self) -> None:
        self.rule = ""
        self.calls: list[tuple[int, str]] = []
        self.reads: list[tuple[int, str]] = []
        self.withs: list[tuple[int, str]] = []
        self.negated: list[tuple[int, Any]] = []
        self.lists: list[tuple[int, str, str]] = []
        self.handed: list[tuple[int, str, int]] = []

    def visit(self, node: Any) -> None:
        for entry in as_list(node) or ():
            self.visit(entry)
        for kind, inner in (as_object(node) or {}).items():
            self._node(kind, inner)

    def _node(self, kind: str, inner: Any) -> None:
        if kind in _REFERENCES:
            self._reference({kind: inner})
        elif kind == "Call":
            self.calls.append((_line(inner), dotted(inner["fcn"])))
            if self.calls[-1][1] == "count":
                self._list(inner["params"][0])
            self._arguments(*self.calls[-1], inner["params"])
        elif kind == "NotExpr":
            self.negated.append((_line(inner), inner["expr"]))
            self.visit(inner["expr"])
        elif kind == "with_mods":
            for entry in inner:
                self.withs.append((_line(entry), self.rule))
                self.visit(entry["as"])
        elif kind != "span":
            if kind in _COLLECTIONS:
                self._list(inner[_COLLECTIONS[kind]])
            self.visit(inner)

    def _arguments(self, line: int, name: str, given: list[Any]) -> None:
        for place, argument in enumerate(given):
            if _path(argument)[:2] in ((["input"], []), ([REQUEST], [])):
                self.handed.append((line, name, place))
            else:
                self.visit(argument)

    def _list(self, node: Any) -> None:
        path, indices, _ = _path(node)
        if path and not indices:
            self.lists.append((_line(_only(node)[1]), self.rule, ".".join(path)))

    def _reference(self, node: Any) -> None:
        """Note the path up to its first computed index; walk the indices and an unnamed base."""
        path, indices, base = _path(node)
        if path and (self.rule, path) != (ENTRY_POINT, [REQUEST]):
            self.reads.append((_line(_only(node)[1]), ".".join(path)))
        if path and indices:
            self.lists.append((_line(_only(node)[1]), self.rule, ".".join(path)))
        elif base is not None:
            self.visit(base)
        self.visit(indices)


def _path(node: Any) -> tuple[list[str], list[Any], Any]:
    """A reference as (names up to the first computed index, computed indices, base that is no name)."""
    kind, inner = _only(node)
    if kind == "Var":
        return [inner["value"]], [], None
    if kind not in _REFERENCES:
        return [], [], node
    path, indices, base = _path(inner["refr"])
    if kind == "RefDot":
        name = inner["field"][1]
    else:
        index_kind, index = _only(inner["index"])
        if index_kind != "String":
            return path, [*indices, inner["index"]], base
        name = index["value"]
    return (path if indices or not path else [*path, name]), indices, base


def _rule(entry: Any) -> tuple[str, Any]:
    if "Default" in entry:
        return dotted(entry["Default"]["refr"]).split(".")[0], entry
    _, head = _only(entry["Spec"]["head"])
    return dotted(head["refr"]).split(".")[0], _without_name(entry)


def _without_name(entry: Any) -> Any:
    """A rule without the name it defines and the parameters it takes, which are no reads."""
    spec = entry["Spec"]
    kind, head = _only(spec["head"])
    kept = {key: value for key, value in head.items() if key not in ("refr", "args")}
    return {"Spec": {**spec, "head": {kind: kept}}}


def _parameters(rules: list[Any]) -> dict[str, tuple[tuple[str, ...], ...]]:
    """What each definition of a function calls its parameters; a default names none."""
    found: dict[str, tuple[tuple[str, ...], ...]] = {}
    for entry in rules:
        head: dict[str, Any] = _only(entry["Spec"]["head"])[1] if "Spec" in entry else {}
        if "args" in head:
            name = dotted(head["refr"])
            found[name] = (*found.get(name, ()), tuple(dotted(argument) for argument in head["args"]))
    return found


def _values(node: Any) -> Iterator[tuple[int, Any]]:
    """Where a rule stands and what it is given: by its head, and by each `else`."""
    spec = node["Spec"]
    _, head = _only(spec["head"])
    for assigned in (head.get("assign"), *(body["assign"] for body in spec["bodies"] if body["is_else"])):
        yield _line(spec), (as_object(assigned) or {}).get("value")


def _import(entry: Any, text: bytes) -> tuple[str, str]:
    """An import as (name it goes by, path); the tree gives an alias by its place in the text alone."""
    path = dotted(entry["refr"])
    alias = entry.get("as")
    return (text[alias["start"] : alias["end"]].decode() if alias else path.split(".")[-1]), path


def dotted(node: Any) -> str:
    """A reference up to its first computed index, as text."""
    return ".".join(_path(node)[0])


def _only(node: Any) -> tuple[str, Any]:
    """The kind and content of a node."""
    ((kind, inner),) = node.items()
    return kind, inner


def _line(inner: Any) -> int:
    return int(inner["span"]["line"])
