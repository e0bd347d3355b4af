"""Checks: what is well, what is worth a warning, what fails, and what each says to do."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from passerelle import checks
from passerelle.checks import DISK_FAIL, DISK_WARN, Check, State, checked
from passerelle.clock import DAY, SECOND, ManualClock
from passerelle.errors import PasserelleError
from passerelle.identity import Identity, Role
from passerelle_pki.ceremony import create_authority


def raising(error: Exception) -> Callable[[], str]:
    def look() -> str:
        raise error

    return look


def test_a_refusal_becomes_a_failed_check_with_the_fix_of_its_code() -> None:
    found = checked("keys", raising(PasserelleError("key_file_missing", "signing.key")))
    assert (found.name, found.state) == ("keys", State.FAIL)
    assert found.text.startswith("key_file_missing: ") and found.text.endswith("(signing.key)")
    assert found.fix == PasserelleError("key_file_missing").spec.fix


def test_a_file_that_cannot_be_read_fails_without_its_content() -> None:
    found = checked("registry", raising(PermissionError(13, "Permission denied", "/secret/path")))
    assert (found.state, found.text) == (State.FAIL, "PermissionError")


def test_a_finding_is_passed_on_and_a_text_is_well() -> None:
    finding = Check("x", State.WARN, "so so")
    assert checked("x", lambda: finding) is finding
    assert checked("x", lambda: "well") == Check("x", State.OK, "well")


def test_key_files_must_be_closed_to_others(tmp_path: Path) -> None:
    closed, opened = tmp_path / "closed.key", tmp_path / "open.key"
    for file, mode in ((closed, 0o600), (opened, 0o644)):
        file.write_text("secret")
        file.chmod(mode)
    states = [found.state for found in checks.key_files((closed, opened, tmp_path / "missing.key"))]
    texts = [found.text for found in checks.key_files((opened, tmp_path / "missing.key"))]
    assert states == [State.OK, State.FAIL, State.FAIL]
    assert texts[0].startswith("key_file_permissions") and texts[1].startswith("key_file_missing")


@pytest.mark.parametrize(
    ("at", "state"), [(1, State.OK), (5, State.OK), (6, State.WARN), (7, State.FAIL), (9, State.FAIL)]
)
def test_the_last_quarter_of_a_validity_is_a_warning(at: int, state: State) -> None:
    found = checks.remaining("certificate", 0, 7 * DAY, at * DAY)
    assert (found.state, bool(found.fix)) == (state, state is not State.OK)


@pytest.mark.parametrize(
    ("ahead", "state"),
    [(0, State.OK), (-4 * SECOND, State.OK), (5 * SECOND, State.WARN), (-90 * SECOND, State.FAIL)],
)
def test_clocks_apart(ahead: int, state: State) -> None:
    found = checks.clock(10**15 + ahead, 10**15)
    assert found.state is state
    assert f"{ahead / SECOND:+.1f} s" in found.text


@pytest.mark.parametrize(
    ("free", "state"), [(DISK_WARN, State.OK), (DISK_WARN - 1, State.WARN), (DISK_FAIL - 1, State.FAIL)]
)
def test_space_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, state: State) -> None:
    usage = type(shutil.disk_usage(tmp_path))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**12, 0, free))
    assert checks.disk(tmp_path).state is state


def test_a_folder_that_is_not_there_has_no_space(tmp_path: Path) -> None:
    assert checks.disk(tmp_path / "nowhere").state is State.FAIL


@pytest.mark.integration
def test_a_listener_that_is_silent_is_a_warning(tmp_path: Path) -> None:
    roots = create_authority(tmp_path / "authority", "hub.example", ManualClock()).roots
    hub = Identity("hub.example", Role.HUB, "centre")
    found = asyncio.run(checks.listening("127.0.0.1:1", hub, roots))
    assert found.state is State.WARN
