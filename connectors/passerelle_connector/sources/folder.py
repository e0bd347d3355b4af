"""The source `folder`: CSV, JSON lines and Parquet files, read in order of their names.

Options of `[source]`: `path` (a folder or one file), `reference` (column of the partner's own reference),
`encoding` (default utf-8, a byte order mark is skipped), `delimiter` (CSV, default comma).

What is wrong is set aside and the rest goes on: a CSV without a header or a mapped column, or with one that
is named twice, gives one `RejectedRow` for the file; a row of the wrong width, broken quoting, JSON that is
none or names a value twice, undecodable bytes or a missing reference give one each, by reference or
`file:line`. Memory: one row at a time, of Parquet see `parquet`.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Hashable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TextIO, cast

from passerelle.errors import PasserelleError
from passerelle_connector.sources import RawRow, RejectedRow, SourcePlan
from passerelle_connector.sources.mapping import Mapper
from passerelle_connector.sources.parquet import parquet_rows
from passerelle_connector.sources.rows import check_columns, map_row, undecodable

_OPTIONS: Final = frozenset({"kind", "path", "reference", "encoding", "delimiter"})
_SUFFIXES: Final = (".csv", ".jsonl", ".parquet")


@dataclass(frozen=True, slots=True)
class FolderSource:
    """All `*.csv`, `*.jsonl` and `*.parquet` files of one folder, or one such file."""

    path: Path
    mapper: Mapper
    encoding: str = "utf-8"
    delimiter: str = ","

    def records(self, since: str) -> Iterator[RawRow | RejectedRow]:  # noqa: ARG002 - a file does not tell
        """Every row of every file; `since` is ignored, digests tell what changed.

        Raises:
            PasserelleError: `source_unreadable`, there is no such folder or file.
        """
        for file in self._files():
            yield from self._file(file)

    def state(self) -> Hashable:
        """Name, time of change and size of each file; empty where there is no such folder or file."""
        found: list[tuple[str, int, int]] = []
        with suppress(PasserelleError, OSError):  # the reading itself will say so
            for file in self._files():
                facts = file.stat()
                found.append((file.name, facts.st_mtime_ns, facts.st_size))
        return tuple(found)

    def _files(self) -> list[Path]:
        if self.path.is_file():
            return [self.path]
        if self.path.is_dir():
            return sorted(item for item in self.path.iterdir() if item.suffix.lower() in _SUFFIXES)
        raise PasserelleError("source_unreadable", f"{self.path}: no such folder or file")

    def _file(self, file: Path) -> Iterator[RawRow | RejectedRow]:
        if file.suffix.lower() == ".parquet":
            yield from self._parquet(file)
            return
        encoding = "utf-8-sig" if self.encoding.lower() in ("utf-8", "utf8") else self.encoding
        try:
            # Undecodable bytes become lone surrogates, which map_row finds: one bad row, not one bad file.
            with file.open(encoding=encoding, errors="surrogateescape", newline="") as handle:
                reader = self._csv if file.suffix.lower() == ".csv" else self._jsonl
                yield from reader(file.name, handle)
        except (OSError, UnicodeError):
            yield RejectedRow(file.name, "source_unreadable")

    def _csv(self, name: str, handle: TextIO) -> Iterator[RawRow | RejectedRow]:
        rows = csv.reader(handle, delimiter=self.delimiter, strict=True)
        header: list[str] | None = None
        while True:
            try:
                row = next(rows)
            except StopIteration:
                if header is None:  # cut off by a full disk, say: that its rows are gone is not what it says
                    yield RejectedRow(name, "source_unreadable")
                return
            except csv.Error:
                yield RejectedRow(f"{name}:{rows.line_num}", "row_malformed")
                continue
            place = f"{name}:{rows.line_num}"
            if header is None:
                header = [column.strip() for column in row]
                try:
                    check_columns(header, self.mapper.columns)
                except PasserelleError as error:
                    garbled = any(undecodable(column) for column in header)  # the column may well be there
                    found = ("row_text_undecodable", "") if garbled else (error.code, error.detail)
                    yield RejectedRow(name, *found)
                    return
            elif row and len(row) != len(header):
                yield RejectedRow(place, "row_malformed")
            elif row:
                yield map_row(self.mapper, place, dict(zip(header, row, strict=True)))

    def _jsonl(self, name: str, handle: TextIO) -> Iterator[RawRow | RejectedRow]:
        for number, line in enumerate(handle, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line, object_pairs_hook=_object)
            except (ValueError, RecursionError):
                yield RejectedRow(f"{name}:{number}", "row_malformed")
                continue
            if isinstance(row, dict):
                yield map_row(self.mapper, f"{name}:{number}", cast("dict[str, Any]", row))
            else:
                yield RejectedRow(f"{name}:{number}", "row_malformed")

    def _parquet(self, file: Path) -> Iterator[RawRow | RejectedRow]:
        number = 0
        try:
            for number, row in enumerate(parquet_rows(file, self.mapper.columns), 1):
                yield map_row(self.mapper, f"{file.name}:{number}", row)
        except PasserelleError as error:
            yield RejectedRow(file.name, error.code, error.detail if "column" in error.code else "")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError("a name twice")
    return made


def folder_source(plan: SourcePlan) -> FolderSource:
    """Build the source from its plan.

    Raises:
        PasserelleError: `mapping_invalid`, an unknown option or no path.
    """
    options = plan.options
    if unknown := sorted(options.keys() - _OPTIONS):
        raise PasserelleError("mapping_invalid", f"source.{unknown[0]}: unknown option")
    if not options.get("path"):
        raise PasserelleError("mapping_invalid", "source.path: missing")
    return FolderSource(
        path=(plan.base / str(options["path"])).absolute(),
        mapper=plan.mapper,
        encoding=str(options.get("encoding", "utf-8")),
        delimiter=str(options.get("delimiter", ",")),
    )
