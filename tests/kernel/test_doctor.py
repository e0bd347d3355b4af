"""The command: whom it asks, what it prints, how it leaves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from passerelle import doctor
from passerelle.checks import Check, State
from passerelle.errors import PasserelleError

WELL = Check("disk", State.OK, "12.0 GB free")
SO_SO = Check("clock", State.WARN, "7 s", "Set the clock.")
ILL = Check("hub", State.FAIL, "silent", "Call the operator.")


class Point:
    """An entry point of an installed role."""

    def __init__(self, name: str, *found: Check) -> None:
        self.name = name
        self.found = found

    def load(self) -> object:
        def checks(config: Path) -> Iterator[Check]:
            if not config.exists():
                raise PasserelleError("config_invalid", config.name)
            yield from self.found

        return checks


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two roles are installed: a hub that is well, a connector that is ill."""
    points = [Point("hub", WELL, SO_SO), Point("connector", WELL, ILL)]
    monkeypatch.setattr(doctor, "entry_points", lambda group: points if group == "passerelle.checks" else [])
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hub.toml").touch()
    return tmp_path


def test_the_role_whose_file_lies_here_is_asked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor.doctor() == 0
    said = capsys.readouterr().out
    assert said.splitlines()[0] == "hub"
    assert "warn  clock: 7 s" in said and "Set the clock." in said
    assert "connector" not in said


def test_one_failed_check_is_the_exit_code(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "connector.toml").touch()
    assert doctor.doctor(as_json=True) == 1
    rows = json.loads(capsys.readouterr().out)
    assert [(row["role"], row["name"], row["state"]) for row in rows] == [
        ("connector", "disk", "ok"),
        ("connector", "hub", "fail"),
        ("hub", "disk", "ok"),
        ("hub", "clock", "warn"),
    ]
    assert rows[1]["fix"] == "Call the operator."


def test_a_configuration_that_cannot_be_read_is_a_finding(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert doctor.doctor(role="hub", config=folder / "other.toml") == 1
    assert "fail  configuration: config_invalid" in capsys.readouterr().out


@pytest.mark.parametrize(("role", "config"), [("moon", None), ("", Path("hub.toml"))])
def test_what_cannot_be_asked_is_refused(folder: Path, role: str, config: Path | None) -> None:
    with pytest.raises(PasserelleError, match="config_invalid"):
        doctor.doctor(role=role, config=config)


def test_nothing_here_to_look_at_is_said(folder: Path) -> None:
    (folder / "hub.toml").unlink()
    with pytest.raises(PasserelleError) as refused:
        doctor.doctor()
    assert "--role" in refused.value.detail
