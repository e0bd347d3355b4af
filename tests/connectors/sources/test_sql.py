"""The source `sql` over a real SQLite file: reading, watermarks, and that nothing is ever written."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from passerelle.errors import PasserelleError
from passerelle_connector.sources import Bookmark, RawRow, RejectedRow, Source, SourcePlan, build
from passerelle_connector.sources.mapping import Targets, compile_mapping
from passerelle_connector.sources.sql import Watermark

TARGETS = Targets(frozenset({"family_name", "born", "phone"}), frozenset({"handling"}))
MAP = {"family_name": "naam", "born": "geb", "phone": "tel", "handling": "code"}
QUERY = "select * from person where seen >= :since order by nr"
MARKED: dict[str, Any] = {"query": QUERY, "watermark": "seen", "since": 0}


@pytest.fixture
def database(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(tmp_path / "their.db", isolation_level=None)
    connection.execute("create table person (nr integer, naam text, geb text, tel, code text, seen)")
    connection.executemany(
        "insert into person values (?, ?, ?, ?, ?, ?)",
        [
            (1, "Vos", "1980-02-03", 32470123456.0, "H1", 10),
            (2, "Maes", None, None, None, 20),
            (3, b"\xff\xfe", None, None, None, 15),
            (4, "Claes", None, None, None, None),
        ],
    )
    url = tmp_path / "url"
    url.write_text(f"sqlite:///{tmp_path / 'their.db'}\n")
    url.chmod(0o600)
    yield connection
    connection.close()


def source(folder: Path, **options: Any) -> Source:
    values = {
        "kind": "sql",
        "url_file": "url",
        "query": "select * from person order by nr",
        "reference": "nr",
    }
    plan = SourcePlan(
        options={name: value for name, value in {**values, **options}.items() if value is not None},
        mapper=compile_mapping("nr", MAP, TARGETS),
        base=folder,
    )
    return build(plan)


def refusal(folder: Path, **options: Any) -> tuple[str, str]:
    with pytest.raises(PasserelleError) as caught:
        list(source(folder, **options).records(""))
    return caught.value.code, caught.value.detail


@pytest.mark.usefixtures("database")
def test_rows_are_mapped_with_the_types_of_a_database(tmp_path: Path) -> None:
    first, second, third, last = source(tmp_path).records("")
    assert isinstance(first, RawRow) and isinstance(second, RawRow) and isinstance(last, RawRow)
    assert (first.reference, first.marking) == ("1", {"handling": ("H1",)})
    assert first.fields == {"family_name": ("Vos",), "born": ("1980-02-03",), "phone": ("32470123456",)}
    assert second.fields == {"family_name": ("Maes",)}
    assert third == RejectedRow("row:3", "row_text_undecodable")


def test_a_watermark_reads_on_where_it_stopped(tmp_path: Path, database: sqlite3.Connection) -> None:
    marked = source(tmp_path, **MARKED)
    *rows, bookmark = marked.records("")
    assert len(rows) == 3 and bookmark == Bookmark("20")
    *rows, bookmark = marked.records("20")
    assert [cast("RawRow", row).reference for row in rows] == ["2"] and bookmark == Bookmark("20")
    database.execute("update person set seen = 31 where nr = 1")
    *rows, bookmark = marked.records("21")
    assert [cast("RawRow", row).reference for row in rows] == ["1"] and bookmark == Bookmark("31")
    assert list(marked.records("99")) == [Bookmark("99")]


@pytest.mark.parametrize(
    ("start", "low", "high"),
    [
        (datetime(1970, 1, 1, tzinfo=UTC), "2026-01-01T00:00:00+00:00", "2026-01-02T00:00:00+00:00"),
        (date(1970, 1, 1), "2026-01-01", "2026-01-02"),
        (0, "9", "10"),
        ("", "2026-01-01 10:00", "2026-01-01 11:00"),
    ],
)
def test_watermarks_of_each_type_order_and_survive_being_kept(start: Any, low: str, high: str) -> None:
    mark = Watermark("seen", start)
    assert mark.parse("") == start
    highest = mark.of({"seen": mark.parse(high)}, mark.of({"seen": low}, start))
    assert highest == mark.parse(high) == mark.of({"seen": None}, highest)


@pytest.mark.parametrize("value", ["soon", 1.5, b"1", datetime(2026, 1, 1), True])
def test_a_watermark_of_another_type_is_refused(value: Any) -> None:
    with pytest.raises(PasserelleError, match="source_watermark_invalid"):
        Watermark("seen", 0).of({"seen": value}, 0)
    with pytest.raises(PasserelleError, match="source_watermark_invalid"):
        Watermark("seen", datetime(1970, 1, 1, tzinfo=UTC)).of(
            {"seen": datetime(2026, 1, 1)}, datetime(1970, 1, 1, tzinfo=UTC)
        )


def test_nothing_is_written(tmp_path: Path, database: sqlite3.Connection) -> None:
    for query in ("delete from person returning *", "insert into person (nr) values (9) returning *"):
        assert refusal(tmp_path, query=query) == ("source_unreadable", "OperationalError")
    assert database.execute("select count(*) from person").fetchone() == (4,)


def test_a_reading_that_is_given_up_lets_go_of_the_database(
    tmp_path: Path, database: sqlite3.Connection
) -> None:
    database.execute("begin")
    database.executemany("insert into person (nr) values (?)", [(number,) for number in range(5, 3_000)])
    database.execute("commit")
    rows = cast("Any", source(tmp_path).records(""))
    next(rows)
    rows.close()
    database.execute("begin exclusive")
    assert database.in_transaction


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"query": "select * from secrets"}, "source_unreadable"),
        ({"query": "select nr, naam from person"}, "source_column_unknown"),
        ({"query": "select nr, naam from person where nr < 0"}, "source_column_unknown"),
        ({"query": "select p.*, q.naam from person p, person q"}, "source_column_twice"),
        ({**MARKED, "watermark": "changed"}, "source_column_unknown"),
        ({"url_file": "nowhere"}, "key_file_missing"),
        ({"colour": "red"}, "mapping_invalid"),
        ({"query": ""}, "mapping_invalid"),
        ({"url_file": None}, "mapping_invalid"),
        ({"query": QUERY}, "mapping_invalid"),
        ({**MARKED, "query": "select * from person"}, "mapping_invalid"),
        ({**MARKED, "query": QUERY + " limit :many"}, "mapping_invalid"),
        ({**MARKED, "since": None}, "mapping_invalid"),
        ({**MARKED, "since": True}, "mapping_invalid"),
        ({**MARKED, "since": 1.5}, "mapping_invalid"),
    ],
)
def test_a_wrong_configuration_is_refused(tmp_path: Path, options: dict[str, Any], code: str) -> None:
    found, detail = refusal(tmp_path, **options)
    assert found == code
    assert "Vos" not in detail and str(tmp_path) not in detail


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("no url", "source_url_invalid"),
        ("sqlite:///\u00e9.db", "source_url_invalid"),
        ("nosuch://user:secret@host/db", "source_driver_missing"),
        ("mysql+nosuch://user:secret@host/db", "source_driver_missing"),
    ],
)
def test_an_address_is_never_repeated(tmp_path: Path, url: str, code: str) -> None:
    file = tmp_path / "url"
    file.write_text(url, "utf-8")
    file.chmod(0o600)
    assert refusal(tmp_path) == (code, "")


@pytest.mark.usefixtures("database")
def test_the_address_must_be_private(tmp_path: Path) -> None:
    (tmp_path / "url").chmod(0o644)
    assert refusal(tmp_path)[0] == "key_file_permissions"
