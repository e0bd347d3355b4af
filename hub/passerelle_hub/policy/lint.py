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
from passerelle_hub.policy.syntax import (
    VERDICTS,
    File,
    dotted,
    handed_on,
    input_reads,
    negations,
    read_file,
)
from passerelle_hub.policy.vocabulary import loose_projections, unknown_codes

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
        "`default decision`, or `default decided(_)`, with `allow` false is missing",
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
    "P012": (
        "a grant, reason, obligation or redaction that is not in the table of codes",
        "add the code to policies/data/codes.json, with its parameters, or use one that is there",
    ),
    "P013": (
        "the projection takes an identifier as it is, or an exact time in a package that is remembered",
        'take the identifier as "present" and the time as "day", or declare the package as not cached',
    ),
    "P014": (
        "a name that is a keyword of the language",
        "rename the field or rule: engines differ in whether a reference may hold a keyword",
    ),
    "P015": (
        "`decision` or `decided` is not put together by `verdict.of`",
        "give `verdict.of(grants, denials, obligations, redactions)`: an allow needs a grant and no denial; "
        "where rules are functions, `decision := decided(input)`",
    ),
    "P016": (
        "a list of the input, or a parameter, is iterated, counted or searched as it came",
        "take it with `words.of` of lib/words, and ask for `words.sound` among the facts",
    ),
    "P017": (
        "the whole input is handed to something that does not take it as `request`",
        "name the parameter `request`, so that what is read of it is seen; hand on single fields otherwise",
    ),
}

KEYWORDS: Final = frozenset(
    {"as", "contains", "default", "else", "every", "false", "if", "import", "in", "not", "null", "package"}
    | {"some", "true", "with"}
)

BUILTINS: Final = frozenset(
    {
        "count",
        "min",
        "max",
        "sum",
        "union",
        "object.union",
        "object.get",
        "is_array",
        "is_boolean",
        "is_number",
    }
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
    for module in bundle.modules:
        found += [Finding(*row) for row in unknown_codes(module, bundle.reference.get("codes", {}))]
    found += [Finding(*row) for row in loose_projections(bundle)]
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
        *_keywords(file),
        *_lists(file, {} if projection is None else file.parameters),
    ]
    if projection is None:
        found += _library(file)
    else:
        found += [*_entry_points(file), *_inputs(file, projection), *_withs(file), *_verdicts(file)]
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
    if not any(_denies_by_default(file.defaults.get(name)) for name in VERDICTS):
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
    for line, taken in handed_on(file):
        if not taken:
            yield Finding(file.path, line, "P017")
    for unread in sorted(set(projection) - read - {"schema"}):
        yield Finding(file.path, 1, "P010", unread)


def _withs(file: File) -> Iterator[Finding]:
    for line, rule in file.withs:
        if rule != ENTRY_POINT:
            yield Finding(file.path, line, "P009")


def _keywords(file: File) -> Iterator[Finding]:
    for line, path in (*file.reads, *file.calls):
        for name in sorted(KEYWORDS.intersection(path.split("."))):
            yield Finding(file.path, line, "P014", name)


def _lists(file: File, parameters: Mapping[str, tuple[tuple[str, ...], ...]]) -> Iterator[Finding]:
    for line, rule, path in file.lists:
        suspects = {"input", *(name for names in parameters.get(rule, ()) for name in names)}
        if path.split(".")[0] in suspects and (rule, path) != (ENTRY_POINT, "input.requests"):
            yield Finding(file.path, line, "P016", path)


def _verdicts(file: File) -> Iterator[Finding]:
    for line, rule, value in file.decisions:
        call = (as_object(value) or {}).get("Call")
        made = "" if call is None else dotted(call["fcn"])
        if made != "verdict.of" and (rule, made) != VERDICTS:
            yield Finding(file.path, line, "P015")


def rules_page() -> str:
    """The table of rules as docs/policy-lint.md holds it."""
    rows = "\n".join(f"| {rule} | {wrong} | {fix} |" for rule, (wrong, fix) in RULES.items())
    return (
        "# The portable subset of Rego\n\n"
        "What `passerelle policy check` finds, and what to do about it. Rules outside the subset may be\n"
        "read differently by the two engines; inside it no such input is known.\n"
        "Generated from `hub/passerelle_hub/policy/lint.py`; a test compares the two.\n\n"
        f"| rule | what is wrong | what to do |\n|---|---|---|\n{rows}\n"
    )
