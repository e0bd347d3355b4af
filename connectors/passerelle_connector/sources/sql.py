"""The source `sql`: one query over a partner's own database, read-only.

Options of `[source]`: `url_file` (a file of mode 0600 that holds a SQLAlchemy URL and nothing else),
`query`, `reference`; and for incremental readings `watermark` (a column of the result that only grows) with
`since` (its value before all rows: a number, date, time or text of TOML), which the query takes as `:since`.

An incremental reading begins at the greatest watermark of the last one that went through; it asks with
`>=` rather than `>`, or rows written in the same moment are missed. What it does not meet has not vanished:
deleted rows are seen by readings without watermark alone. Memory: the rows fetched at once.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from passerelle.errors import PasserelleError
from passerelle.keyfile import read_private
from passerelle_connector.sources import Bookmark, Item, SourcePlan
from passerelle_connector.sources.mapping import Mapper
from passerelle_connector.sources.rows import check_columns, map_row, plain
from passerelle_connector.store.external import ExternalDatabase, parameters_of

_OPTIONS: Final = frozenset({"kind", "url_file", "query", "reference", "watermark", "since"})
_SINCE: Final = "since"
Mark = int | str | datetime.date | datetime.datetime


@dataclass(frozen=True, slots=True)
class Watermark:
    """The column that grows, and its value before all rows, which also says of what type it is."""

    column: str
    start: Mark

    def parse(self, text: str) -> Mark:
        """The mark that `str` of `of` wrote; the start where there is none.

        Raises:
            PasserelleError: `source_watermark_invalid`.
        """
        if not text:
            return self.start
        try:
            if isinstance(self.start, (datetime.datetime, datetime.date)):
                return type(self.start).fromisoformat(text)
            return type(self.start)(text)
        except ValueError as error:
            raise PasserelleError("source_watermark_invalid", self.column) from error

    def of(self, row: Mapping[str, Any], highest: Mark) -> Mark:
        """The greater of a row's mark and the highest so far; a row without one changes nothing.

        Raises:
            PasserelleError: `source_watermark_invalid`, it is of another type than the start.
        """
        value = row.get(self.column)
        if value is None:
            return highest
        try:
            mark = self.parse(value) if isinstance(value, str) else value
            if type(mark) is not type(self.start):
                raise PasserelleError("source_watermark_invalid", self.column)
            return max(highest, mark)
        except TypeError as error:  # a time with and one without a zone
            raise PasserelleError("source_watermark_invalid", self.column) from error


@dataclass(frozen=True, slots=True)
class SqlSource:
    """The rows of one query."""

    url_file: Path
    query: str
    mapper: Mapper
    watermark: Watermark | None = None

    def records(self, since: str) -> Iterator[Item]:
        """The rows from a bookmark on, then the next bookmark, where there is a watermark.

        Raises:
            PasserelleError: `source_unreadable`, `source_url_invalid`, `source_driver_missing`,
                `source_column_unknown`, `source_column_twice`, `source_watermark_invalid`, or what reading
                a private file raises.
        """
        database = ExternalDatabase(self._url())
        mark = self.watermark.parse(since) if self.watermark else None
        parameters = {} if mark is None else {_SINCE: mark}
        with closing(database.rows(self.query, parameters, self._check)) as rows:
            for number, row in enumerate(rows, 1):
                if self.watermark is not None and mark is not None:
                    mark = self.watermark.of(row, mark)
                values = {name: plain(value) for name, value in row.items()}
                yield map_row(self.mapper, f"row:{number}", values)
        if mark is not None:
            yield Bookmark(mark.isoformat() if isinstance(mark, datetime.date) else str(mark))

    def _check(self, present: Collection[str]) -> None:
        wanted = {name if name in present else name.partition(".")[0] for name in self.mapper.columns}
        wanted |= {self.watermark.column} if self.watermark else set()
        check_columns(present, wanted)

    def _url(self) -> str:
        try:
            return read_private(self.url_file).decode("ascii").strip()
        except UnicodeDecodeError:
            raise PasserelleError("source_url_invalid") from None


def sql_source(plan: SourcePlan) -> SqlSource:
    """Build the source from its plan.

    Raises:
        PasserelleError: `mapping_invalid`, an unknown or missing option, or a query that takes anything but
            `:since`, and that where there is a watermark.
    """
    options = plan.options
    if unknown := sorted(options.keys() - _OPTIONS):
        raise PasserelleError("mapping_invalid", f"source.{unknown[0]}: unknown option")
    for name in ("url_file", "query"):
        if not isinstance(options.get(name), str) or not options[name].strip():
            raise PasserelleError("mapping_invalid", f"source.{name}: missing")
    watermark = _watermark(options)
    if sorted(parameters_of(options["query"])) != ([_SINCE] if watermark else []):
        raise PasserelleError("mapping_invalid", "source.query: :since goes with watermark and since")
    return SqlSource(plan.base / options["url_file"], options["query"], plan.mapper, watermark)


def _watermark(options: Mapping[str, Any]) -> Watermark | None:
    column, start = options.get("watermark"), options.get(_SINCE)
    if column is None and start is None:
        return None
    if not isinstance(column, str) or not column or isinstance(start, bool):
        raise PasserelleError("mapping_invalid", "source.watermark: a column, with since")
    if not isinstance(start, (int, str, datetime.date)):
        raise PasserelleError("mapping_invalid", "source.since: a number, date, time or text")
    return Watermark(column, start)
