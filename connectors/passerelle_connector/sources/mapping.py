"""The TOML mapping, compiled once into a plain callable.

`[map]` gives every target a rule: a column's name, or a table of

    from   the column (for JSON lines a dotted path)
    const  a constant instead of a column
    split  separator of several values in one cell
    parse  `strptime` format of a date; the value becomes ISO 8601 (year or month precision kept)
    clean  `trim` `upper` `lower` `digits` `name` (white space and punctuation made plain, nothing removed)

applied in this order: from | const, split, clean, parse. A value is a tuple of cells, empty where absent; a
cell is a text or, out of JSON, a nested object, which passes as it is. A value that cannot be parsed is
left out with a warning; of a marking that would be a weaker marking, so there it refuses the row.

`[circumstances]` and `[provenance]` follow the same form with names of the partner's own choice; what they
name travels in the sealed sections `circumstances` and `source` alone.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast

from passerelle.errors import PasserelleError

Cell = str | Mapping[str, Any]
Value = tuple[Cell, ...]
Columns = Mapping[str, Value]
Fields = Mapping[str, Value]
Codes = Mapping[str, tuple[str, ...]]
Rule = Callable[[Columns], Value]
Rules = tuple[tuple[str, Rule], ...]

_OPTIONS: Final = frozenset({"from", "const", "split", "parse", "clean"})
_SPACE: Final = re.compile(r"\s+")
_QUOTES: Final = str.maketrans({"’": "'", "‘": "'", "`": "'", "´": "'", "_": " ", ";": " "})


@dataclass(frozen=True, slots=True)
class RowWarning:
    """A target whose value was left out, and why (an error code)."""

    code: str
    target: str


@dataclass(frozen=True, slots=True)
class Mapped:
    """What a mapping makes of one row.

    `fields` are the identity fields by target, `marking` the row's own marking values, `sealed` the fields of
    the further sections. `digest` is SHA-256 over all of them, so equal content has an equal digest whatever
    file it stands in. `warnings` name targets whose value was left out.
    """

    reference: str
    fields: Fields
    marking: Codes
    sealed: Mapping[str, Fields]
    digest: bytes
    warnings: tuple[RowWarning, ...]


class _UnparsableError(Exception):
    """A value that does not follow its format; carries nothing."""


@dataclass(frozen=True, slots=True)
class Mapper:
    """A compiled mapping. Stateless: safe to share between threads."""

    reference: str
    columns: frozenset[str]
    identity: Rules
    marking: Rules
    sealed: tuple[tuple[str, Rules], ...] = ()

    def __call__(self, columns: Columns) -> Mapped:
        """Map one row.

        Raises:
            PasserelleError: `row_reference_missing`, `row_marking_invalid`.
        """
        reference = next((cell for cell in columns.get(self.reference, ()) if isinstance(cell, str)), "")
        if not reference:
            raise PasserelleError("row_reference_missing")
        warnings: list[RowWarning] = []
        fields = _apply(self.identity, columns, warnings)
        sealed = {section: _apply(rules, columns, warnings) for section, rules in self.sealed}
        marking: dict[str, tuple[str, ...]] = {}
        for target, rule in self.marking:
            try:
                value = rule(columns)
            except _UnparsableError as error:
                raise PasserelleError("row_marking_invalid", target) from error
            if any(not isinstance(cell, str) for cell in value):
                raise PasserelleError("row_marking_invalid", target)
            if value:
                marking[target] = tuple(str(cell) for cell in value)
        return Mapped(reference, fields, marking, sealed, _digest(fields, marking, sealed), tuple(warnings))


def _apply(rules: Rules, columns: Columns, warnings: list[RowWarning]) -> dict[str, Value]:
    fields: dict[str, Value] = {}
    for target, rule in rules:
        try:
            if value := rule(columns):
                fields[target] = value
        except _UnparsableError:
            warnings.append(RowWarning("row_value_unparsable", target))
    return fields


@dataclass(frozen=True, slots=True)
class Targets:
    """What `[map]` may name: the fields of the canonical row and those of the marking."""

    identity: frozenset[str]
    marking: frozenset[str]


def compile_mapping(
    reference: str,
    table: Mapping[str, Any],
    targets: Targets,
    sealed: Mapping[str, Mapping[str, Any]] | None = None,
) -> Mapper:
    """Compile a `[map]` table, and one table for each sealed section beside `identity`.

    Raises:
        PasserelleError: `mapping_invalid`, naming the entry.
    """
    if not reference:
        raise PasserelleError("mapping_invalid", "source.reference: no column named")
    if unknown := sorted(table.keys() - targets.identity - targets.marking):
        raise PasserelleError("mapping_invalid", f"map.{unknown[0]}: unknown target")
    columns = {reference}

    def rules(name: str, entries: Mapping[str, Any]) -> Rules:
        compiled: list[tuple[str, Rule]] = []
        for target, entry in sorted(entries.items()):
            rule, column = compile_rule(f"{name}.{target}", entry)
            columns.update({column} - {""})
            compiled.append((target, rule))
        return tuple(compiled)

    marks = {target: entry for target, entry in table.items() if target in targets.marking}
    identity = {target: entry for target, entry in table.items() if target not in targets.marking}
    return Mapper(
        reference=reference,
        identity=rules("map", identity),
        marking=rules("map", marks),
        sealed=tuple((section, rules(section, entries)) for section, entries in (sealed or {}).items()),
        columns=frozenset(columns),
    )


def compile_rule(name: str, entry: Any) -> tuple[Rule, str]:
    """One rule and the column it reads (empty for a constant).

    Raises:
        PasserelleError: `mapping_invalid`, naming the entry.
    """
    if isinstance(entry, str):
        entry = {"from": entry}
    if not isinstance(entry, dict) or not entry.keys() <= _OPTIONS:
        raise PasserelleError("mapping_invalid", f"{name}: an unknown option")
    entry = cast("dict[str, Any]", entry)
    if ("from" in entry) == ("const" in entry):
        raise PasserelleError("mapping_invalid", f"{name}: needs exactly one of from and const")
    steps = tuple(_steps(name, entry))
    if "const" in entry:
        value = _run(steps, cells(entry["const"]))
        return (lambda _columns: value), ""
    column = str(entry["from"])
    return (lambda columns: _run(steps, columns.get(column, ()))), column


def cells(value: object) -> Value:
    """A TOML or JSON value as cells: scalars and objects become one, lists several, null and empty none."""
    if value is None:
        return ()
    if isinstance(value, list):
        return tuple(cell for item in cast("list[object]", value) for cell in cells(item))
    if isinstance(value, bool):
        return ("true" if value else "false",)
    if isinstance(value, dict):
        return (cast("dict[str, Any]", value),) if value else ()
    text = str(value).strip()
    return (text,) if text else ()


Step = Callable[[str], tuple[str, ...]]


def _run(steps: tuple[Step, ...], values: Value) -> Value:
    for step in steps:
        values = tuple(
            part for cell in values for part in (step(cell) if isinstance(cell, str) else (cell,)) if part
        )
    return values


def _steps(name: str, entry: Mapping[str, Any]) -> Iterable[Step]:
    if separator := entry.get("split"):
        yield lambda value: tuple(part.strip() for part in value.split(separator))
    if cleaner := entry.get("clean"):
        if cleaner not in _CLEANERS:
            raise PasserelleError("mapping_invalid", f"{name}: no cleaner of this name")
        clean = _CLEANERS[cleaner]
        yield lambda value: (clean(value),)
    if form := entry.get("parse"):
        yield _date_step(name, str(form))


def _date_step(name: str, form: str) -> Step:
    if "%Y" not in form and "%y" not in form:
        raise PasserelleError("mapping_invalid", f"{name}: a date format without a year")
    month, day = any(part in form for part in ("%m", "%b", "%B")), "%d" in form
    shape = "%Y-%m-%d" if month and day else "%Y-%m" if month else "%Y"

    def step(value: str) -> tuple[str, ...]:
        try:
            found = datetime.strptime(value, form)
        except ValueError as error:
            raise _UnparsableError from error
        return (found.strftime(shape),)

    return step


_CLEANERS: Final[Mapping[str, Callable[[str], str]]] = {
    "trim": str.strip,
    "upper": str.upper,
    "lower": str.lower,
    "digits": lambda value: "".join(sign for sign in value if sign.isdigit()),
    "name": lambda value: _SPACE.sub(" ", value.translate(_QUOTES)).strip(" .,-"),
}


def _digest(fields: Fields, marking: Codes, sealed: Mapping[str, Fields]) -> bytes:
    plain = json.dumps([fields, marking, sealed], ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(plain.encode("utf-8")).digest()
