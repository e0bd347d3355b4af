"""Trust under `doctor`: lists that are missing, old or false, and roots that end."""

from __future__ import annotations

from pathlib import Path

import pytest
from certificate_kit import domain

from passerelle.checks import Check, State
from passerelle.clock import DAY, HOUR, ManualClock
from passerelle.config import ListSource, RevocationSettings
from passerelle.trust_checks import trust, warning_days

POLICE = "police.example"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def found(folder: Path, roots: bytes, now: int, *, required: bool = True) -> dict[str, Check]:
    settings = RevocationSettings(required=required)
    return {one.name: one for one in trust(settings, folder, {POLICE: roots}, now)}


def test_the_age_of_a_list(tmp_path: Path, clock: ManualClock) -> None:
    police, name = domain(tmp_path / "authority", POLICE, clock), f"revocations of {POLICE}"
    file = tmp_path / f"{POLICE}.revocations"
    assert found(tmp_path, police.roots, clock.now())[name].state is State.FAIL
    assert found(tmp_path, police.roots, clock.now(), required=False)[name].state is State.WARN
    source = ListSource(trust_domain=POLICE, address="127.0.0.1:7444")
    (first, _) = trust(RevocationSettings(sources=(source,)), tmp_path, {POLICE: police.roots}, clock.now())
    assert (first.state, first.text) == (State.WARN, "not fetched yet")
    file.write_bytes(police.list())
    for hours, state in ((0, State.OK), (11, State.OK), (13, State.WARN), (25, State.FAIL)):
        assert found(tmp_path, police.roots, clock.now() + hours * HOUR)[name].state is state
    file.write_bytes(b"nobody's")
    spoilt = found(tmp_path, police.roots, clock.now())[name]
    assert spoilt.state is State.FAIL and spoilt.text.startswith("revocations_invalid")


def test_the_end_of_roots(tmp_path: Path, clock: ManualClock) -> None:
    police, name = domain(tmp_path / "authority", POLICE, clock), f"roots of {POLICE}"
    ends = int(found(tmp_path, police.roots, clock.now())[name].text.split(" ")[2])
    for left, state in ((40, State.OK), (30, State.WARN), (0, State.WARN), (-2, State.FAIL)):
        assert found(tmp_path, police.roots, clock.now() + (ends - left) * DAY)[name].state is state


def test_a_warning_has_four_steps() -> None:
    assert [warning_days(days) for days in (31, 30, 15, 14, 8, 7, 2, 1, 0)] == [0, 30, 30, 14, 14, 7, 7, 1, 1]
