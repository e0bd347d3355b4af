"""Tables for people."""

from __future__ import annotations

import pytest

from passerelle.display import WIDEST, plain, show_table


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (True, "yes"),
        (False, "no"),
        (0, "0"),
        ("", "–"),
        (None, "–"),
        ([], "–"),
        ({}, "–"),
        ({"receipted": 2, "pending": 1}, "receipted 2, pending 1"),
        ([{"part": "hub", "code": "peer_timeout"}, "b"], "part hub, code peer_timeout\nb"),
    ],
)
def test_figures_are_written_as_people_write_them(value: object, written: str) -> None:
    assert plain(value) == written


def test_a_narrow_terminal_folds_no_column(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    row = {f"column_{at}": f"a value of {at} words" for at in range(5)}
    show_table("wide", [row])
    title, *lines = capsys.readouterr().out.splitlines()
    assert title == "wide"
    assert any(all(value in line for value in row.values()) for line in lines)
    assert any("column 4" in line for line in lines)


def test_what_has_no_end_is_folded(capsys: pytest.CaptureFixture[str]) -> None:
    show_table("long", [{"text": "x" * 1_000}])
    assert max(map(len, capsys.readouterr().out.splitlines())) <= WIDEST
