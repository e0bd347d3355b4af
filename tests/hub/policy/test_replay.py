"""Replay: past inputs decided again, what differs grouped and counted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hub_kit import HubKit, hub_kit
from policy_kit import Desk, desk, suspend_police

from passerelle.clock import ManualClock
from passerelle_hub import facts
from passerelle_hub.policy.archive import pack, read_bundle
from passerelle_hub.policy.bundle import Bundle
from passerelle_hub.policy.embedded import EmbeddedEngine
from passerelle_hub.policy.outcome import ChangeKind
from passerelle_hub.policy.replay import Report, replay
from passerelle_hub.store import decisions

pytestmark = pytest.mark.integration


@pytest.fixture
def office(policies: Path, tmp_path: Path) -> Desk:
    return desk(policies, tmp_path)


@pytest.fixture
def asked(tmp_path: Path, engine: EmbeddedEngine, bundle: Bundle, database_url: str) -> Iterator[HubKit]:
    """A hub that decided a few reads: three by the police, two by customs, one denied."""
    with hub_kit(tmp_path, engine, bundle, database_url) as kit:
        for agency, action, times in (
            ("police", "directory.read", 3),
            ("customs", "directory.read", 2),
            ("police", "agencies.write", 1),
        ):
            for _ in range(times):
                kit.clock.advance(40_000_000)  # a remembered allow would be the same decision
                with kit.core.database.write() as tx:
                    request = facts.admin(agency, "connector", action, kit.clock.now())
                    kit.core.decisions.ask(tx, "admin", [request], "test")
        yield kit


def by(office: Desk, kit: HubKit, active: Bundle | None = None, **some: Any) -> Report:
    bundle = read_bundle(pack(office.policies))
    engine = EmbeddedEngine(bundle)
    try:
        with kit.core.database.read() as tx:
            return replay(decisions.pages(tx, 2, **some), engine, bundle, ManualClock(), active)
    finally:
        engine.close()


def test_the_same_policies_change_nothing(office: Desk, asked: HubKit, bundle: Bundle) -> None:
    report = by(office, asked, bundle)
    assert (report.decisions, report.distinct, report.groups, report.unanswered) == (6, 3, {}, 0)


def test_what_is_newly_denied_is_grouped_by_reason(office: Desk, asked: HubKit) -> None:
    office.edit("agencies", suspend_police)
    report = by(office, asked)
    (group,) = report.sorted_groups()
    assert (group.kind, group.package, group.action, group.why) == (
        ChangeKind.NEWLY_DENIED,
        "admin",
        "directory.read",
        "agency_inactive",
    )
    assert group.count == 3
    with asked.core.database.read() as tx:
        assert all(decisions.find(tx, one) for one in group.examples)


def test_what_is_newly_allowed(office: Desk, asked: HubKit) -> None:
    def widen(actions: dict[str, Any]) -> None:
        actions["agencies.write"].update(roles=["connector"], approvals=0)

    office.edit("actions", widen)
    report = by(office, asked)
    shown = report.as_json()
    assert shown["newly_allowed"] == report.count(ChangeKind.NEWLY_ALLOWED) == 1
    assert "role_not_allowed" in shown["groups"][0]["why"]
    assert json.dumps(shown)


def test_the_newest_decisions_only(office: Desk, asked: HubKit) -> None:
    assert by(office, asked, last=2).decisions == 2
    assert by(office, asked, since=asked.clock.now()).decisions == 1


def test_a_package_that_is_gone_cannot_be_replayed(office: Desk, asked: HubKit) -> None:
    for path in ("admin.rego", "projections/admin.json", "schemas/input/admin.json"):
        (office.policies / path).unlink()
    assert by(office, asked).unanswered == 6


def test_a_field_that_was_never_stored_is_named(office: Desk, asked: HubKit, bundle: Bundle) -> None:
    path = office.policies / "projections" / "admin.json"
    document = json.loads(path.read_text("utf-8"))
    document["fields"]["context.case"] = "present"
    path.write_text(json.dumps(document), "utf-8")
    assert by(office, asked, bundle).new_fields == ("admin: context.case",)
