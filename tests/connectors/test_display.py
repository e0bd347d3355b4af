"""What commands print for people."""

from __future__ import annotations

import pytest

from passerelle_connector.display import show, show_meanings


def test_nothing_to_show_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    show([], "rejects", as_json=False)
    assert capsys.readouterr().out == "rejects: none\n"


def test_each_code_is_explained_once_and_a_strange_one_not_at_all(capsys: pytest.CaptureFixture[str]) -> None:
    show_meanings(["row_malformed", "row_malformed", "of_another_release"])
    assert capsys.readouterr().out.splitlines() == [
        "row_malformed: A row does not have the form of its file.",
        "  partner's data owner: Correct the row at the named place: number of columns, quoting, or JSON.",
    ]
