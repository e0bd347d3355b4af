"""Coded errors: the table, and what crosses a process boundary."""

from __future__ import annotations

import pickle
from importlib import resources
from pathlib import Path

import grpc
import pytest

from passerelle import errors
from passerelle.errors import PasserelleError


def test_the_public_text_names_cause_owner_and_fix_and_not_the_detail() -> None:
    error = PasserelleError("quota_exceeded", "private")
    assert str(error).startswith("quota_exceeded: ")
    assert "Owner:" in str(error) and "Fix:" in str(error) and "private" not in str(error)
    assert isinstance(error.spec.status, grpc.StatusCode)


def test_an_error_survives_a_process_boundary() -> None:
    again = pickle.loads(pickle.dumps(PasserelleError("internal", "where")))  # noqa: S301 - our own bytes
    assert isinstance(again, PasserelleError)
    assert (again.code, again.detail) == ("internal", "where")


def test_an_unknown_code_is_a_programming_error() -> None:
    with pytest.raises(KeyError):
        PasserelleError("no_such_code")


def test_a_code_in_two_files_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    row = '[twice]\nstatus = "INTERNAL"\ncause = "c"\nowner = "o"\nfix = "f"\n'
    (tmp_path / "codes").mkdir()
    for name in ("a.toml", "b.toml"):
        (tmp_path / "codes" / name).write_text(row, "utf-8")

    def here(_package: str) -> Path:
        return tmp_path

    monkeypatch.setattr(resources, "files", here)
    with pytest.raises(ValueError, match="twice"):
        errors.table.__wrapped__()
