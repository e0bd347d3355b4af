"""From a row of columns, as a file or database has it, to a mapped row or the reason why not."""

from __future__ import annotations

import datetime
import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final, cast

from passerelle.errors import PasserelleError
from passerelle_connector.sources import RawRow, RejectedRow
from passerelle_connector.sources.mapping import Cell, Mapper, cells

_EXACT: Final = 2**53  # beyond it a float no longer tells neighbouring integers apart


def map_row(mapper: Mapper, place: str, row: Mapping[str, Any]) -> RawRow | RejectedRow:
    """Map one row; `place` names it where it has no reference. A dotted path reaches into objects."""
    reference = place
    try:
        columns = {name: cells(_at(row, name)) for name in mapper.columns}
        if any(undecodable(cell) for value in columns.values() for cell in value):
            return RejectedRow(place, "row_text_undecodable")
        reference = str(next(iter(columns[mapper.reference]), place))
        return mapper(columns)
    except PasserelleError as error:
        target = error.detail if error.code == "row_marking_invalid" else ""
        return RejectedRow(reference, error.code, target)


def check_columns(present: Iterable[str], wanted: Collection[str]) -> None:
    """A file or a query has each column that is mapped, and has it once: of two the reader would take either.

    Raises:
        PasserelleError: `source_column_unknown`, `source_column_twice`; the detail names the column.
    """
    times = Counter(present)
    if missing := sorted(set(wanted) - times.keys()):
        raise PasserelleError("source_column_unknown", missing[0])
    if twice := sorted(name for name in wanted if times[name] > 1):
        raise PasserelleError("source_column_twice", twice[0])


def plain(value: Any) -> Any:
    """A value of a typed column as `cells` takes it.

    Dates become ISO 8601; a whole number kept as a float, as tools do with columns that have gaps, becomes
    an integer again, and what is no number becomes nothing; bytes are UTF-8 text.
    """
    if isinstance(value, Mapping):
        parts = cast("dict[Any, Any]", value)
        return {str(name): plain(part) for name, part in parts.items()}
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in cast("list[Any]", value)]
    return _scalar(value)


def _scalar(value: Any) -> Any:
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return int(value) if value.is_integer() and abs(value) < _EXACT else value
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(cast("bytes", value)).decode("utf-8", "surrogateescape")
    return value


def _at(row: Mapping[str, Any], name: str) -> Any:
    """A column by name, or by dotted path into nested objects."""
    if name in row or "." not in name:
        return row.get(name)
    value: Any = row
    for part in name.split("."):
        value = cast("dict[str, Any]", value).get(part) if isinstance(value, dict) else None
    return value


def undecodable(cell: Cell) -> bool:
    """Whether a text holds what was no text in the configured encoding: lone surrogates stand for it."""
    if isinstance(cell, str):
        return not cell.isascii() and any("\ud800" <= sign <= "\udfff" for sign in cell)
    return any(undecodable(part) for item in cell.values() for part in cells(item))
