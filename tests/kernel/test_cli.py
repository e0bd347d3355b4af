"""The command: what each outcome leaves behind as exit code and text."""

from __future__ import annotations

import errno
import runpy
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from cyclopts import App
from sqlalchemy import MetaData

from passerelle import cli
from passerelle.errors import PasserelleError
from passerelle.store import DatabaseFile, Schema

# The library warns that a test gives it no words; the command line itself is what is tested here.
pytestmark = pytest.mark.filterwarnings("ignore:Cyclopts application invoked")


def refused(code: str, detail: str = "") -> Callable[[], None]:
    def command() -> None:
        raise PasserelleError(code, detail)

    return command


def interrupted() -> None:
    raise KeyboardInterrupt


def ran(command: Callable[[], object], monkeypatch: pytest.MonkeyPatch, *words: str) -> object:
    app = App(name="passerelle", result_action="return_value")
    app.command(command, name="go")
    monkeypatch.setattr(cli, "build", lambda: app)
    monkeypatch.setattr("sys.argv", ["passerelle", *(words or ("go",))])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    return caught.value.code


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (lambda: None, cli.OK),
        (lambda: 7, 7),
        (refused("internal"), cli.FAILURE),
        (refused("call_denied"), cli.DENIED),
        (interrupted, 130),
    ],
)
def test_outcomes_have_exit_codes(
    command: Callable[[], object], code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ran(command, monkeypatch) == code


def test_an_unknown_command_is_a_usage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ran(interrupted, monkeypatch, "no-such-command") == cli.USAGE


def test_an_interruption_before_the_command_runs_has_its_code_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "build", interrupted)
    monkeypatch.setattr("sys.argv", ["passerelle", "go"])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert caught.value.code == 130


def test_a_refusal_says_cause_and_detail(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ran(refused("config_invalid", "hub.toml: port"), monkeypatch)
    said = capsys.readouterr().err
    assert said.splitlines() == [
        "config_invalid: The configuration cannot be read, or is incomplete or contradictory.",
        "  detail: hub.toml: port",
        "  operator of this service: Correct the named setting in the TOML file or its PASSERELLE_ variable.",
    ]


def test_every_installed_role_has_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    class Point:
        name = "sample"
        value = "passerelle.cli:build"

    def installed(group: str) -> list[Point]:
        return [Point()] if group == "passerelle.roles" else []

    monkeypatch.setattr(cli, "entry_points", installed)
    assert "sample" in list(cli.build())


@pytest.mark.parametrize("words", [(), ("--help",)])
def test_help_says_what_each_command_is_for(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["passerelle", *words])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert caught.value.code == cli.OK
    said = capsys.readouterr().out
    assert "Check the log of a hub from outside" in said
    assert "Seal key files in place" in said


def test_the_version_is_that_of_the_distribution(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["passerelle", "--version"])
    with pytest.raises(SystemExit):
        cli.main()
    brought = [entry_points(group="console_scripts", name="passerelle")["passerelle"].dist]
    assert [one.version for one in brought if one is not None] == capsys.readouterr().out.split()


def test_the_module_is_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["passerelle", "no-such-command"])
    with pytest.raises(SystemExit) as caught:
        runpy.run_module("passerelle", run_name="__main__")
    assert caught.value.code == cli.USAGE


def test_a_file_that_is_not_there_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert ran((tmp_path / "nowhere").read_bytes, monkeypatch) == cli.FAILURE
    assert f"detail: {tmp_path / 'nowhere'}: No such file or directory" in capsys.readouterr().err


def test_a_full_disk_is_named_and_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def full() -> None:
        raise OSError(errno.ENOSPC, "as the system says it")

    def store_full() -> None:
        database = DatabaseFile(tmp_path / "a.db", Schema(MetaData(), 1, "store_version"))
        with database.write() as tx:
            tx.exec_driver_sql("PRAGMA max_page_count=1")
            tx.exec_driver_sql("CREATE TABLE more (body BLOB)")

    assert ran(full, monkeypatch) == cli.FAILURE
    assert "detail: No space left on device" in capsys.readouterr().err
    assert ran(store_full, monkeypatch) == cli.FAILURE
    assert "detail: SQLite: database or disk is full (SQLITE_FULL)" in capsys.readouterr().err


def test_what_is_no_fault_of_a_file_is_shown_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        ran(broken, monkeypatch)


@pytest.mark.integration
def test_a_reader_that_has_seen_enough_gets_no_traceback() -> None:
    script = f"{sys.executable} -m passerelle --help | true"
    done = subprocess.run(["/bin/sh", "-c", script], capture_output=True, check=True, timeout=60)
    assert done.stderr == b""
