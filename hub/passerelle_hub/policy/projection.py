"""Projection: the part of an input that a package may read, and nothing else.

Each package declares its projection in `policies/projections/<package>.json`; the lint refuses a rule that
reads another field. Inputs with the same projection get the same decision, so a batch asks once per
distinct projection, and record ids, times and users cannot spoil that.

A field is taken as `value`, as `set` (a list of strings, sorted, without repetition), as `day` (a time in
microseconds, cut to the start of its day, UTC) or as `present` (whether it is there and not empty).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final, cast

from passerelle.clock import DAY
from passerelle.errors import PasserelleError
from passerelle_hub.policy.model import Facts

_CANONICAL: Final = json.JSONEncoder(allow_nan=False, sort_keys=True, separators=(",", ":")).encode
_SCALARS: Final = (str, int, bool, type(None))
_LISTS: Final = (list, tuple, set, frozenset)
_OBJECTS: Final = (dict, Mapping)
"""In this order: the abstract check alone is slow."""
_READERS: Final = 16
MAX_KEY: Final = 16_384
"""Longest projected input, in characters; the largest honest one is under 2,000."""
MAX_NESTING: Final = 256
"""Most lists and objects in one; an input too deep to be read back would stop its whole batch."""


@dataclass(frozen=True, slots=True, eq=False)
class _Node:
    """What is read of one object: name, the name as JSON, and how it is written or what is read inside of it.

    In order of the names.
    """

    fields: tuple[tuple[str, str, Callable[[object], str] | _Node], ...]

    def text(self, given: Mapping[str, object]) -> str:
        """What is read, as canonical JSON; empty where nothing is there. Of `Facts` it is read once."""
        if not isinstance(given, Facts):
            return self._text(given)
        known = given.read.get(self)
        if known is None:
            if len(given.read) >= _READERS:  # projections of former revisions
                given.read.clear()
            known = given.read[self] = self._text(given)
        return known

    def _text(self, given: Mapping[str, object]) -> str:
        parts: list[str] = []
        for name, head, what in self.fields:
            if name not in given:
                continue
            value = given[name]
            if not isinstance(what, _Node):
                parts.append(head + what(value))
            elif isinstance(value, _OBJECTS):
                inner = what.text(cast("Mapping[str, object]", value))
                if inner:
                    parts.append(head + inner)
        return "{" + ",".join(parts) + "}" if parts else ""


@dataclass(frozen=True, slots=True)
class Projection:
    """What one package reads: `fields` are dotted paths, sorted, each with how it is taken.

    `cached`: whether an allow may be remembered.
    """

    package: str
    fields: Mapping[str, str]
    cached: bool
    root: _Node = field(compare=False, repr=False)

    @property
    def timed(self) -> bool:
        """Whether the moment of asking is part of it."""
        return "now" in self.fields

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths alone."""
        return tuple(self.fields)

    def key(self, given: Mapping[str, object]) -> str:
        """The projected input as canonical JSON: equal exactly where the projections are equal.

        Raises:
            PasserelleError: `policy_evaluation_failed`, the input is not JSON or far too large.
        """
        try:
            key = self.root.text(given) or "{}"
        except (TypeError, ValueError, RecursionError) as error:
            raise PasserelleError("policy_evaluation_failed", "the input is not JSON") from error
        if len(key) <= 2 * MAX_NESTING:  # each list and object of it is closed again
            return key
        if len(key) > MAX_KEY or key.count("[") + key.count("{") > MAX_NESTING:
            raise PasserelleError("policy_evaluation_failed", "the projected input is too large")
        return key

    def restore(self, keys: Sequence[str]) -> list[dict[str, object]]:
        """The projected inputs that keys stand for, as the engine gets them.

        All in one reading, which takes a quarter of the time: names of fields are made once.
        """
        return cast("list[dict[str, object]]", json.loads(f"[{','.join(keys)}]"))


def projection(package: str, document: Mapping[str, Any]) -> Projection:
    """The projection of one package from its JSON document.

    Raises:
        PasserelleError: `policy_bundle_invalid`, an unknown way to take a field, or a missing setting.
    """
    fields = cast("dict[str, str]", document.get("fields", {}))
    if (
        not fields
        or not set(fields.values()) <= _WRITTEN.keys()
        or not isinstance(document.get("cache"), bool)
    ):
        raise PasserelleError("policy_bundle_invalid", f"projection of {package} is incomplete")
    ordered = dict(sorted(fields.items()))
    return Projection(package, ordered, bool(document["cache"]), _node(package, ordered))


def _node(package: str, fields: Mapping[str, str]) -> _Node:
    inside: dict[str, dict[str, str]] = {}
    for path, kind in fields.items():
        name, _, rest = path.partition(".")
        inside.setdefault(name, {})[rest] = kind
    read: list[tuple[str, str, Callable[[object], str] | _Node]] = []
    for name, inner in sorted(inside.items()):
        if "" in inner and len(inner) > 1:
            raise PasserelleError("policy_bundle_invalid", f"projection of {package}: {name} and its fields")
        read.append((name, f"{_json(name)}:", _WRITTEN[inner[""]] if "" in inner else _node(package, inner)))
    return _Node(tuple(read))


def _present(value: object) -> str:
    return _json(value not in (None, "", 0, (), []))


def _day(value: object) -> str:
    return _json(value - value % DAY if type(value) is int else value)


def _plain(value: object) -> str:
    """As it is, but lists of words sorted and without repetition."""
    if isinstance(value, _LISTS):
        entries = list(cast("list[object]", value))
        words = {entry for entry in entries if isinstance(entry, str)}
        return _json(sorted(words) if all(isinstance(entry, str) for entry in entries) else entries)
    return _json(value)


_WRITTEN: Final = {"value": _plain, "set": _plain, "day": _day, "present": _present}
"""A field in its declared form, as JSON; what does not fit stays as it is, for the schema to refuse."""


@lru_cache(maxsize=4096, typed=True)
def _scalar(value: str | int | None) -> str:
    return _CANONICAL(value)


def _json(value: object) -> str:
    """Canonical JSON; words and numbers, which come again and again, are written once."""
    if type(value) in _SCALARS:
        return _scalar(cast("str | int | None", value))
    if isinstance(value, list):
        return "[" + ",".join([_json(one) for one in cast("list[object]", value)]) + "]"
    return _CANONICAL(value)
