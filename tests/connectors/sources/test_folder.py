"""The folder source: what a mapping makes of rows, and that no bad row stops the good ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from passerelle.errors import PasserelleError
from passerelle_connector.sources import Bookmark, RawRow, RejectedRow, Source, SourcePlan, build
from passerelle_connector.sources.mapping import Targets, compile_mapping

TARGETS = Targets(
    frozenset({"family_name", "given_name", "born", "phone", "aliases"}), frozenset({"handling"})
)
MAP = {
    "family_name": {"from": "naam", "clean": "name"},
    "given_name": "voornaam",
    "born": {"from": "geb", "parse": "%d/%m/%Y"},
    "phone": {"from": "tel", "split": ";"},
    "handling": "code",
}


def source(folder: Path, table: dict[str, Any] | None = None, **options: str) -> Source:
    plan = SourcePlan(
        options={"kind": "folder", "path": "in", "reference": "nr", **options},
        mapper=compile_mapping(
            "nr", table or MAP, TARGETS, {"circumstances": {"note": "nota"}} if not table else {}
        ),
        base=folder,
    )
    return build(plan)


def write(folder: Path, name: str, body: str | bytes) -> None:
    (folder / "in").mkdir(exist_ok=True)
    (folder / "in" / name).write_bytes(body if isinstance(body, bytes) else body.encode())


HEADER = "nr,naam,voornaam,geb,tel,code,nota\n"


def items(source: Source) -> list[RawRow | RejectedRow]:
    return [item for item in source.records("") if not isinstance(item, Bookmark)]


def read(folder: Path, **options: Any) -> list[RawRow | RejectedRow]:
    return items(source(folder, **options))


def taken(rows: list[RawRow | RejectedRow]) -> list[RawRow]:
    assert not [row for row in rows if isinstance(row, RejectedRow)]
    return [row for row in rows if isinstance(row, RawRow)]


def test_csv_rows_are_mapped(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", HEADER + "P1,  de  Vos ,An,02/03/1980,+32 470 1;+32 470 2,H2,seen\n")
    (row,) = read(tmp_path)
    assert isinstance(row, RawRow)
    assert row.reference == "P1"
    assert row.fields == {
        "family_name": ("de Vos",),
        "given_name": ("An",),
        "born": ("1980-03-02",),
        "phone": ("+32 470 1", "+32 470 2"),
    }
    assert row.marking == {"handling": ("H2",)}
    assert row.sealed == {"circumstances": {"note": ("seen",)}}


def test_bad_rows_do_not_stop_the_file(tmp_path: Path) -> None:
    write(
        tmp_path,
        "a.csv",
        HEADER.encode()
        + b"P1,A,B,02/03/1980,,H1,\n"
        + b"P2,A,B\n"
        + b",A,B,02/03/1980,,H1,\n"
        + b"P4,\xff\xfe,B,02/03/1980,,H1,\n"
        + b'P5,"A"x,B,02/03/1980,,H1,\n'
        + b"P6,A,B,31/02/1980,,H1,\n",
    )
    rows = read(tmp_path)
    rejects = [(row.reference, row.code) for row in rows if isinstance(row, RejectedRow)]
    assert rejects == [
        ("a.csv:3", "row_malformed"),
        ("a.csv:4", "row_reference_missing"),
        ("a.csv:5", "row_text_undecodable"),
        ("a.csv:6", "row_malformed"),
    ]
    kept = [row for row in rows if isinstance(row, RawRow)]
    assert [row.reference for row in kept] == ["P1", "P6"]
    assert [(item.code, item.target) for item in kept[1].warnings] == [("row_value_unparsable", "born")]
    assert "born" not in kept[1].fields


def test_a_missing_column_rejects_its_file_alone(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", "nr,naam\nP1,A\n")
    write(tmp_path, "b.csv", HEADER + "P2,A,B,02/03/1980,,H1,\n")
    first, second = read(tmp_path)
    assert first == RejectedRow("a.csv", "source_column_unknown", "code")
    assert second.reference == "P2"


def test_a_header_in_another_encoding_says_so_and_not_that_a_column_is_missing(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", "nr,prénom\nP1,A\n".encode("latin-1"))
    assert read(tmp_path) == [RejectedRow("a.csv", "row_text_undecodable")]


def test_a_mapped_column_named_twice_rejects_its_file_and_takes_no_row(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", HEADER.replace("nota", "nota, naam ") + "P1,A,B,02/03/1980,,H1,,C\n")
    write(tmp_path, "b.csv", HEADER + "P2,A,B,02/03/1980,,H1,\n")
    first, second = read(tmp_path)
    assert first == RejectedRow("a.csv", "source_column_twice", "naam")
    assert second.reference == "P2"


def test_a_column_that_nothing_is_mapped_from_may_be_named_twice(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", HEADER.replace("nota", "nota,,,x,x") + "P1,A,B,02/03/1980,,H1,,,,1,2\n")
    (row,) = taken(read(tmp_path))
    assert row.reference == "P1"


def test_an_object_that_names_a_value_twice_is_set_aside(tmp_path: Path) -> None:
    table = {"family_name": "name.family"}
    write(
        tmp_path,
        "a.jsonl",
        '{"nr": 1, "name": {"family": "Vos", "family": "Maes"}}\n{"nr": 2, "nr": 3}\n{"nr": 4}\n',
    )
    first, second, third = items(source(tmp_path, table))
    assert first == RejectedRow("a.jsonl:1", "row_malformed")
    assert second == RejectedRow("a.jsonl:2", "row_malformed")
    assert third.reference == "4"


def test_a_csv_without_a_header_is_unreadable_and_not_empty(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", "")
    write(tmp_path, "b.jsonl", "")  # without lines it is sound
    assert read(tmp_path) == [RejectedRow("a.csv", "source_unreadable")]


def test_jsonl_nested_values_lists_and_bad_lines(tmp_path: Path) -> None:
    table = {"family_name": "name.family", "phone": "phones", "aliases": "aliases"}
    write(
        tmp_path,
        "a.jsonl",
        '{"nr": 7, "name": {"family": "Vos"}, "phones": ["1", null, "2"], "aliases": [{"name": "Fox"}]}\n'
        "\n[1]\n{no json}\n"
        '{"nr": "8", "name": 3}\n',
    )
    rows = items(source(tmp_path, table))
    first, last = taken([rows[0], rows[3]])
    assert first.reference == "7"
    assert first.fields == {"family_name": ("Vos",), "phone": ("1", "2"), "aliases": ({"name": "Fox"},)}
    assert rows[1:3] == [RejectedRow("a.jsonl:3", "row_malformed"), RejectedRow("a.jsonl:4", "row_malformed")]
    assert last.fields == {}


def test_a_marking_that_cannot_be_read_refuses_the_row(tmp_path: Path) -> None:
    table = {"family_name": "naam", "handling": "code"}
    write(tmp_path, "a.jsonl", '{"nr": "1", "naam": "A", "code": {"x": 1}}\n')
    assert items(source(tmp_path, table)) == [RejectedRow("1", "row_marking_invalid", "handling")]


def test_the_digest_tells_content_not_place(tmp_path: Path) -> None:
    line = "P1,A,B,02/03/1980,,H1,\n"
    write(tmp_path, "a.csv", HEADER + line)
    write(tmp_path, "b.csv", "\ufeff" + HEADER + line + line.replace("H1", "H2"))
    one, two, three = taken(read(tmp_path))
    assert one.digest == two.digest != three.digest


def test_other_encodings_and_delimiters(tmp_path: Path) -> None:
    body = HEADER.replace(",", ";") + "P1;Müller;B;02/03/1980;;H1;\n"
    write(tmp_path, "a.csv", body.encode("latin-1"))
    (row,) = taken(read(tmp_path, encoding="latin-1", delimiter=";"))
    assert row.fields["family_name"] == ("Müller",)


def test_no_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(PasserelleError) as caught:
        read(tmp_path)
    assert caught.value.code == "source_unreadable"


@pytest.mark.parametrize(
    ("options", "table"),
    [
        ({"kind": "nothing"}, None),
        ({"colour": "red"}, None),
        ({"path": ""}, None),
        ({}, {"unknown": "x"}),
        ({}, {"born": {"from": "a", "const": "b"}}),
        ({}, {"born": {"from": "a", "parse": "%d"}}),
        ({}, {"born": {"from": "a", "clean": "bleach"}}),
        ({}, {"born": {"form": "a"}}),
    ],
)
def test_a_wrong_configuration_is_refused(
    tmp_path: Path, options: dict[str, Any], table: dict[str, Any] | None
) -> None:
    with pytest.raises(PasserelleError) as caught:
        source(tmp_path, table, **options)
    assert caught.value.code == "mapping_invalid"


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(body=st.binary(max_size=300), suffix=st.sampled_from(["csv", "jsonl"]), header=st.booleans())
def test_no_bytes_stop_a_reading(tmp_path: Path, body: bytes, suffix: str, header: bool) -> None:
    for old in tmp_path.glob("in/*"):
        old.unlink()
    start = HEADER.encode() if header and suffix == "csv" else b""
    write(tmp_path, f"a.{suffix}", start + body)
    for row in read(tmp_path):
        assert row.reference
