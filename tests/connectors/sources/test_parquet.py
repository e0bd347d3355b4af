"""Parquet files of the source `folder`: typed columns, missing columns, files that are none."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from passerelle_connector.sources import RawRow, RejectedRow, SourcePlan, build
from passerelle_connector.sources.mapping import Targets, compile_mapping

TARGETS = Targets(frozenset({"family_name", "born", "phone", "aliases"}), frozenset())
MAP = {"family_name": "naam.family", "born": "geb", "phone": "tel", "aliases": "ook"}
ROWS: dict[str, Any] = {
    "nr": [1.0, float("nan"), 3.0],
    "naam": [{"family": "Vos"}, {"family": "Maes"}, None],
    "geb": [date(1980, 2, 3), None, None],
    "tel": [["1", "2"], [], None],
    "ook": [[{"name": "Fox"}], None, None],
    "geheim": ["x", "y", "z"],
}


def write(folder: Path, name: str, columns: dict[str, Any]) -> None:
    pyarrow.parquet.write_table(pyarrow.table(columns), folder / name, row_group_size=2)


def read(folder: Path) -> list[Any]:
    options = {"kind": "folder", "path": ".", "reference": "nr"}
    return list(build(SourcePlan(options, compile_mapping("nr", MAP, TARGETS), folder)).records(""))


def test_typed_columns_become_cells(tmp_path: Path) -> None:
    write(tmp_path, "a.parquet", ROWS)
    first, second, third = read(tmp_path)
    assert isinstance(first, RawRow) and isinstance(third, RawRow)
    assert first.reference == "1"
    assert first.fields == {
        "family_name": ("Vos",),
        "born": ("1980-02-03",),
        "phone": ("1", "2"),
        "aliases": ({"name": "Fox"},),
    }
    assert second == RejectedRow("a.parquet:2", "row_reference_missing")
    assert (third.reference, third.fields) == ("3", {})


def test_a_file_that_cannot_be_read_rejects_itself_alone(tmp_path: Path) -> None:
    write(tmp_path, "a.parquet", {"nr": ["1"], "naam": [{"family": "Vos"}], "geb": ["x"], "ook": ["y"]})
    (tmp_path / "b.parquet").write_bytes(b"PAR1 and nothing else PAR1")
    write(tmp_path, "c.parquet", ROWS)
    first, second, third, *_ = read(tmp_path)
    assert first == RejectedRow("a.parquet", "source_column_unknown", "tel")
    assert second == RejectedRow("b.parquet", "source_unreadable")
    assert third.reference == "1"


def test_a_column_named_twice_rejects_its_file(tmp_path: Path) -> None:
    table = pyarrow.table({**ROWS, "twice": ROWS["geb"]})
    names = ["tel" if name == "twice" else name for name in table.column_names]
    pyarrow.parquet.write_table(table.rename_columns(names), tmp_path / "a.parquet")
    assert read(tmp_path) == [RejectedRow("a.parquet", "source_column_twice", "tel")]


def test_without_the_extra_the_file_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "a.parquet", ROWS)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert read(tmp_path) == [RejectedRow("a.parquet", "source_reader_missing")]
