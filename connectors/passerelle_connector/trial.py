"""A trial of the source: everything is read, nothing is sent and nothing is kept.

A field is *covered* in a row where it holds a value that the normaliser takes. A placeholder, a date that
never was, a number with a wrong check digit are gaps like an empty cell: none of them can match.
Memory: one row, the samples and the counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, Final

from passerelle_connector.display import masked
from passerelle_connector.model import Reject
from passerelle_connector.normalise import normalise
from passerelle_connector.prepare import Preparation, Prepared
from passerelle_connector.sources import RawRow, RejectedRow, Source

_TAKEN_ALL_THE_SAME: Final = frozenset({"row_too_many_values", "row_name_quality_unknown"})


@dataclass(frozen=True, slots=True)
class Trial:
    """What a source is worth, without a value of it.

    `rows` are those that could be mapped; `coverage` counts by field the rows that it is covered in;
    `problems` counts rows by (code, field), `set_aside` by the code that kept a row (or file) back; `samples`
    are masked.
    """

    rows: int
    taken: int
    refused: int
    coverage: dict[str, int]
    problems: tuple[tuple[str, str, int], ...]
    set_aside: dict[str, int]
    samples: tuple[dict[str, Any], ...]

    def percent(self, field_name: str) -> int:
        """In how many of a hundred rows a field is covered, rounded down."""
        return 100 * self.coverage[field_name] // self.rows if self.rows else 0


@dataclass(slots=True)
class _Counts:
    preparation: Preparation
    fields: Collection[str]
    now: int
    rows: int = 0
    taken: int = 0
    refused: int = 0
    coverage: Counter[str] = field(default_factory=Counter[str])
    problems: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    set_aside: Counter[str] = field(default_factory=Counter[str])

    def reject(self, item: RejectedRow) -> None:
        self.refused += 1
        self.problems[item.code, item.target] += 1
        self.set_aside[item.code] += 1

    def take(self, raw: RawRow) -> bool:
        """Count a row; says whether it would be submitted."""
        prepared = self.preparation.prepare(raw, self.now)
        good = isinstance(prepared, Prepared)
        self.rows, self.taken, self.refused = self.rows + 1, self.taken + good, self.refused + (not good)
        self.problems.update((note.code, note.target) for note in prepared.notes)
        self.set_aside.update({note.code for note in prepared.notes if note.fatal})
        self.coverage.update(name for name in self.fields if self._covered(raw, name, prepared.notes))
        return good

    def _covered(self, raw: RawRow, name: str, notes: Collection[Reject]) -> bool:
        values = raw.fields.get(name, ())
        if not values or not _doubted(name, ((note.code, note.target) for note in notes)):
            return bool(values)
        settings = self.preparation.settings
        return len(values) > 1 and any(
            not _doubted(name, ((item.code, item.field) for item in found.problems))
            for value in values
            for found in (normalise({**raw.fields, name: (value,)}, settings),)
        )


def try_source(
    source: Source, preparation: Preparation, fields: Collection[str], now: int, samples: int
) -> Trial:
    """Read a source as a submission would, up to the keys.

    Args:
        source: read from its beginning.
        preparation: the configured way from row to keys.
        fields: the identity fields whose coverage is counted.
        now: microseconds (UTC).
        samples: how many masked rows to keep.

    Raises:
        PasserelleError: what reading the source raises.
    """
    counts, shown = _Counts(preparation, sorted(fields), now), list[dict[str, Any]]()
    for item in source.records(""):
        if isinstance(item, RejectedRow):
            counts.reject(item)
        elif isinstance(item, RawRow):
            good = counts.take(item)
            if len(shown) < samples:
                values = " ".join(f"{name}={masked(value[0])}" for name, value in item.fields.items())
                shown.append({"reference": masked(item.reference), "taken": good, "fields": values})
    return Trial(
        rows=counts.rows,
        taken=counts.taken,
        refused=counts.refused,
        coverage={name: counts.coverage[name] for name in counts.fields},
        problems=tuple((code, name, many) for (code, name), many in counts.problems.most_common()),
        set_aside=dict(counts.set_aside.most_common()),
        samples=tuple(shown),
    )


def _doubted(name: str, notes: Any) -> bool:
    return any(target == name and code not in _TAKEN_ALL_THE_SAME for code, target in notes)
