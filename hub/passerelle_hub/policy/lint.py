"""The lint for the portable subset of Rego: rules on which both engines agree, and nothing else.

Why it exists: in OPA an undefined operand inside a negated expression makes the whole expression undefined,
in other engines it makes it true; in ordinary style that let OPA allow what the other denied. In the
subset no such input was found. The rules are the table `RULES`; each finding names file, line and fix.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import regorus

from passerelle_hub.policy.bundle import Bundle, Module
from passerelle_hub.policy.engine import ENTRY_POINT, ROOT
from passerelle_hub.policy.jsonvalue import as_list, as_object
from passerelle_hub.policy.syntax import File, input_reads, negations, read_file

RULES: Final[Mapping[str, tuple[str, str]]] = {
    "P000": ("the file does not parse", "correct the syntax; the engine's message says where"),
    "P001": ("`import rego.v1` is missing", "add `import rego.v1` below the package line"),
    "P002": (
        "`not` stands before more than a rule's name",
        "name the condition as a rule, or as a helper called with bound variables, and negate that",
    ),
    "P003": (
        "a built-in outside the portable list",
        "take what you need from the input (`now` is there), or add the built-in to the list with a test",
    ),
    "P004": (
        "`default decision` with `allow` false is missing",
        'begin the package with `default decision := {"schema": 1, "allow": false, ...}`',
    ),
    "P005": ("the batch entry point `decisions` is missing", "add `decisions`, keyed by request id"),
    "P006": (
        "an input field outside the package's projection",
        "add the field to policies/projections, or do not read it",
    ),
    "P007": ("`lib` reads the input or data", "pass what the helper needs as arguments"),
    "P008": (
        "data outside `data.reference`, `data.revision` and `data.passerelle.lib`",
        "read documents of policies/data only; each package decides alone",
    ),
    "P009": ("`with` outside the entry point", "only `decisions` replaces the input"),
    "P010": ("the projection names a field that no rule reads", "remove it: it only splits the cache"),
    "P011": (
        "the package's name is not its file's",
        "name it `passerelle.<file>` or `passerelle.lib.<file>`",
    ),
}

BUILTINS: Final = frozenset(
    {"count", "min", "max", "sum", "object.union", "object.get", "is_array", "is_boolean", "is_number"}
    | {"is_string", "is_object", "startswith", "endswith", "lower", "upper", "concat", "sort", "abs"}
)
"""Built-ins on which both engines were seen to agree."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One breach: file, line (from 1), rule id and what was found."""

    path: str
    line: int
    rule: str
    detail: str = ""

    @property
    def message(self) -> str:
        """What is wrong, in words."""
        return RULES[self.rule][0] + (f": {self.detail}" if self.detail else "")

    @property
    def fix(self) -> str:
        """What to do about it."""
        return RULES[self.rule][1]


def lint_bundle(bundle: Bundle) -> tuple[Finding, ...]:
    """All findings in rules and tests, by file and line."""
    found: list[Finding] = []
    for module in bundle.modules:
        package = module.path.removesuffix(".rego")
        declared = bundle.projections.get(package)
        found += lint_module(module, None if declared is None else declared.paths)
    for module in bundle.tests:
        found += _lint_test(module)
    return tuple(sorted(found, key=lambda item: (item.path, item.line, item.rule)))


def lint_module(module: Module, projection: tuple[str, ...] | None) -> tuple[Finding, ...]:
    """Findings in one rule file; `projection` is None for a library file."""
    file = _parse(module)
    if isinstance(file, Finding):
        return (file,)
    found = [
        *_imports(file),
        *_package_name(file),
        *_negations(file),
        *_calls(file),
        *_data(file),
    ]
    if projection is None:
        found += _library(file)
    else:
        found += [*_entry_points(file), *_inputs(file, projection), *_withs(file)]
    return tuple(found)


def _lint_test(module: Module) -> tuple[Finding, ...]:
    file = _parse(module)
    return (file,) if isinstance(file, Finding) else tuple(_imports(file))


def _parse(module: Module) -> File | Finding:
    engine = regorus.Engine()
    try:
        engine.add_policy(module.path, module.text)
    except RuntimeError as error:
        text = str(error)
        place = text.partition("--> ")[2].split(":")
        line = int(place[1]) if len(place) > 1 and place[1].isdigit() else 1
        reason = next((row for row in text.splitlines() if row.startswith("error:")), "")
        return Finding(module.path, line, "P000", reason.removeprefix("error: "))
    return read_file(module, json.loads(engine.get_ast_as_json())[0]["ast"])


def _imports(file: File) -> Iterator[Finding]:
    if "rego.v1" not in file.imports.values():
        yield Finding(file.path, 1, "P001")


def _package_name(file: File) -> Iterator[Finding]:
    wanted = f"{ROOT}." + file.path.removesuffix(".rego").replace("/", ".")
    if file.package != wanted:
        yield Finding(file.path, 1, "P011", file.package)


def _negations(file: File) -> Iterator[Finding]:
    for line, portable in negations(file):
        if not portable:
            yield Finding(file.path, line, "P002")


def _calls(file: File) -> Iterator[Finding]:
    for line, name in file.calls:
        head = name.split(".")[0]
        if name not in BUILTINS and head not in file.rules and head not in file.imports:
            yield Finding(file.path, line, "P003", name)


def _data(file: File) -> Iterator[Finding]:
    allowed = ("data.reference", "data.revision", f"data.{ROOT}.lib.")
    roots = [(1, path) for path in file.imports.values() if path.startswith("data")]
    for line, path in [*roots, *file.data_reads]:
        if not path.startswith(allowed):
            yield Finding(file.path, line, "P008", path)


def _library(file: File) -> Iterator[Finding]:
    for line, path in (*input_reads(file), *file.data_reads):
        yield Finding(file.path, line, "P007", path)


def _entry_points(file: File) -> Iterator[Finding]:
    if not _denies_by_default(file.defaults.get("decision")):
        yield Finding(file.path, 1, "P004")
    if ENTRY_POINT not in file.rules:
        yield Finding(file.path, 1, "P005")


def _denies_by_default(value: Any) -> bool:
    """Whether a syntax node is an object with `allow` false."""
    node = as_object(value) or {}
    content = as_object(node.get("Object")) or {}
    for _, key, given in as_list(content.get("fields")) or []:
        if key.get("String", {}).get("value") == "allow":
            return given.get("Bool", {}).get("value") is False
    return False


def _inputs(file: File, projection: tuple[str, ...]) -> Iterator[Finding]:
    reads = [(line, path) for line, path in input_reads(file) if path != "input.requests"]
    read = {path.removeprefix("input.") for _, path in reads}
    for line, path in reads:
        if path.removeprefix("input.") not in projection:
            yield Finding(file.path, line, "P006", path)
    for unread in sorted(set(projection) - read - {"schema"}):
        yield Finding(file.path, 1, "P010", unread)


def _withs(file: File) -> Iterator[Finding]:
    for line, rule in file.withs:
        if rule != ENTRY_POINT:
            yield Finding(file.path, line, "P009")
