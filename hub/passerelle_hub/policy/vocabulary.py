"""What the lint checks beyond one file: codes against their table, projections against what they may name.

Both return (path, line, rule, detail) rows; `lint` makes findings of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from passerelle_hub.policy.bundle import Bundle, Module

Row = tuple[str, int, str, str]

_CODES: Final[Mapping[str, re.Pattern[str]]] = {
    "reasons": re.compile(r'"code": *"([^"]*)"'),
    "obligations": re.compile(r'"type": *"([^"]*)"'),
    "grants": re.compile(r'^grants(?: contains |_\w+\(.*\) := \{)"([^"]*)"'),
    "redactions": re.compile(r'^redactions(?: contains |_\w+\(.*\) := \{)"([^"]*)"'),
}
_IDENTIFIERS: Final = frozenset({"record.id", "context.counterpart.id", "context.request", "subject.user"})
"""Fields that name one record, request or person: as a value they would make every decision its own."""


def unknown_codes(module: Module, codes: Mapping[str, Any]) -> Iterator[Row]:
    """Codes that a file answers with and the document `codes` does not hold."""
    for number, line in enumerate(module.text.splitlines(), 1):
        for table, pattern in _CODES.items():
            for code in pattern.findall(line):
                if code not in codes.get(table, {}):
                    yield module.path, number, "P012", code


def loose_projections(bundle: Bundle) -> Iterator[Row]:
    """Projections that take an identifier as it is, or an exact time where answers are remembered."""
    for package, declared in bundle.projections.items():
        for path, kind in declared.fields.items():
            exact_time = path == "now" and kind != "day" and declared.cached
            if (path in _IDENTIFIERS and kind != "present") or exact_time:
                yield f"projections/{package}.json", 1, "P013", path
