"""A fast checker for the small part of JSON Schema that input schemas are written in.

The reference implementation costs about 250 us an input, as much as the decision itself. The schemas of
`policies/schemas/input` use a dozen keywords, compiled here once into closures (about 10 us an input). A
keyword outside that dozen is refused at compile time, so that no constraint is ever silently skipped.
`tests/hub/policy/test_schema.py` holds this checker against the reference implementation.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, cast

from passerelle.errors import PasserelleError

Check = Callable[[object], bool]

_KNOWN: Final = 4_096
_ANNOTATIONS: Final = frozenset({"$schema", "$defs", "title", "description"})
_TYPES: Final[Mapping[str, Check]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
}


def compile_schema(schema: Mapping[str, Any]) -> Check:
    """A predicate that tells whether a JSON value follows `schema`.

    Raises:
        PasserelleError: `policy_bundle_invalid`, a keyword this checker does not know.
    """
    return _compile(schema, schema)


def _compile(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Check:
    if "$ref" in schema:
        return _compile(root["$defs"][str(schema["$ref"]).removeprefix("#/$defs/")], root)
    checks: list[Check] = []
    for keyword, operand in schema.items():
        if keyword in _ANNOTATIONS or keyword in ("required", "additionalProperties"):
            continue
        checks.append(_keyword(keyword, operand, schema, root))
    if len(checks) == 1:
        return checks[0]
    return _text(checks) if schema.get("type") == "string" else _every(checks)


def _every(checks: Sequence[Check]) -> Check:
    def check(value: object) -> bool:
        for one in checks:  # a loop costs half of what `all` over a generator does  # noqa: SIM110
            if not one(value):
                return False
        return True

    return check


def _text(checks: Sequence[Check]) -> Check:
    """Codes come again and again: texts that passed are known, up to a number of them."""
    every, known = _every(checks), set[str]()

    def check(value: object) -> bool:
        if isinstance(value, str) and value in known:
            return True
        passed = every(value)
        if passed and isinstance(value, str) and len(known) < _KNOWN:
            known.add(value)
        return passed

    return check


def _keyword(  # noqa: PLR0911 - one return per keyword is the table this function is
    keyword: str, operand: Any, schema: Mapping[str, Any], root: Mapping[str, Any]
) -> Check:
    match keyword:
        case "type":
            return _TYPES[operand]
        case "const":
            return _one_of((operand,))
        case "enum":
            return _one_of(tuple(operand))
        case "minimum" | "maximum":
            return _bound(keyword, operand)
        case "maxLength":
            return lambda value: not isinstance(value, str) or len(value) <= operand
        case "maxItems":
            return lambda value: not isinstance(value, list) or len(cast("list[object]", value)) <= operand
        case "pattern":
            found = re.compile(operand).search
            return lambda value: not isinstance(value, str) or found(value) is not None
        case "items":
            return _items(_compile(operand, root))
        case "properties":
            return _properties(schema, root)
        case _:
            raise PasserelleError("policy_bundle_invalid", f"input schema keyword {keyword} is not supported")


def _one_of(options: tuple[object, ...]) -> Check:
    typed = {(type(option), option) for option in options}  # True is not 1

    def check(value: object) -> bool:
        return isinstance(value, str | int) and (type(value), value) in typed

    return check


def _bound(keyword: str, limit: int) -> Check:
    if keyword == "minimum":
        return lambda value: not isinstance(value, int) or isinstance(value, bool) or value >= limit
    return lambda value: not isinstance(value, int) or isinstance(value, bool) or value <= limit


def _items(item: Check) -> Check:
    def check(value: object) -> bool:
        if isinstance(value, list):
            for entry in cast("list[object]", value):  # as in `_every`
                if not item(entry):
                    return False
        return True

    return check


def _properties(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Check:
    if schema.get("additionalProperties") is not False:
        raise PasserelleError("policy_bundle_invalid", "an input schema must close its objects")
    fields = {name: _compile(inner, root) for name, inner in schema["properties"].items()}
    required = frozenset(schema.get("required", ()))

    def check(value: object) -> bool:
        if not isinstance(value, dict):
            return True
        given = cast("dict[str, object]", value)
        if not required <= given.keys():
            return False
        for name, entry in given.items():  # as in `_every`  # noqa: SIM110
            if name not in fields or not fields[name](entry):
                return False
        return True

    return check
