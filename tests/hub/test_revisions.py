"""The life of a signed revision beside a running core: activated, refused, tried, rolled back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hub_kit import HubKit, hub_kit
from policy_kit import ALICE, BRAM, Desk, desk, suspend_police

from passerelle.errors import PasserelleError
from passerelle_hub import facts
from passerelle_hub.compose import build_core
from passerelle_hub.following import Workshop
from passerelle_hub.opening import shadow_engine
from passerelle_hub.policy.archive import canonical, pack, read_bundle, write_archive
from passerelle_hub.policy.bundle import Bundle
from passerelle_hub.policy.embedded import EmbeddedEngine
from passerelle_hub.policy.model import Decision
from passerelle_hub.policy.replay import Report, replay
from passerelle_hub.policy.signatures import sign_first, sign_second
from passerelle_hub.revisions import Revisions
from passerelle_hub.store import decisions, log_store, policies
from passerelle_hub.store.log_tables import audit_event
from passerelle_hub.store.tables_policy import policy_revision

pytestmark = pytest.mark.integration

ACTOR = "operator/test"


@dataclass
class Running:
    """A hub core that decides, and the office that changes what it decides by."""

    kit: HubKit
    desk: Desk
    office: Revisions

    def ask(self, agency: str = "police", action: str = "directory.read") -> Decision:
        self.kit.clock.advance(10_000_000)
        with self.kit.core.database.write() as tx:
            request = facts.admin(agency, "connector", action, self.kit.clock.now())
            return self.kit.core.decisions.ask(tx, "admin", [request], "test")[0]

    def replay(self, bundle: Bundle) -> Report:
        engine = EmbeddedEngine(bundle)
        try:
            with self.kit.core.database.read() as tx:
                return replay(decisions.pages(tx, 100), engine, bundle, self.kit.clock, None)
        finally:
            engine.close()

    def activate(self, archive: bytes) -> str:
        return self.office.activate(archive, self.replay, ACTOR)[0].bundle.revision

    def refused(self, archive: bytes) -> str:
        """The code of a refusal; the active revision is the one of before, and decides."""
        with self.kit.core.database.read() as tx:
            before = policies.state(tx)
        with pytest.raises(PasserelleError) as error:
            self.activate(archive)
        with self.kit.core.database.read() as tx:
            assert policies.state(tx) == before
        assert self.ask().allow
        assert self.events("policy.refused")[-1]["code"] == error.value.code
        return error.value.code

    def events(self, kind: str) -> list[dict[str, Any]]:
        with self.kit.core.database.read() as tx:
            found = tx.execute(
                audit_event.select().where(audit_event.c.kind == kind).order_by(audit_event.c.event_pk)
            )
            return [json.loads(row.detail) for row in found]


@pytest.fixture
def running(tmp_path: Path, policies: Path, bundle: Bundle, database_url: str) -> Iterator[Running]:
    own = desk(policies, tmp_path)
    workshop = Workshop(EmbeddedEngine, shadow_engine)
    with hub_kit(
        tmp_path, EmbeddedEngine(bundle), bundle, database_url, signers=own.signers, workshop=workshop
    ) as kit:
        office = Revisions(kit.core.database, kit.core.audit, own.signers, kit.clock)
        yield Running(kit, own, office)
        kit.core.following.close()


def test_an_activation_reaches_the_next_decision_without_a_restart(running: Running) -> None:
    before = running.ask()
    assert before.allow
    assert running.ask().id == before.id, "it is remembered, and must end with the activation all the same"
    running.desk.edit("agencies", suspend_police)
    revision = running.activate(running.desk.signed())
    after = running.ask()
    assert after.reason_codes == ("agency_inactive",)
    assert f"{after.policy_revision}+{after.data_revision}" == revision
    (event,) = running.events("policy.activated")
    assert event["signers"] == [ALICE, BRAM]
    assert len(event["bundle"]) == 64


def test_a_tick_alone_picks_it_up(running: Running) -> None:
    running.desk.edit("agencies", suspend_police)
    revision = running.activate(running.desk.signed())
    running.kit.beat()
    assert running.kit.core.decider.bundle.revision == revision


def test_a_tick_that_began_before_an_activation_does_not_bring_the_former_one_back(running: Running) -> None:
    core = running.kit.core
    running.activate(running.desk.signed())
    assert running.ask().allow
    running.desk.edit("agencies", suspend_police)
    with core.database.read() as tick:
        policies.state(tick)
        revision = running.activate(running.desk.signed())
        assert not running.ask().allow
        core.following.tick(tick)
        assert core.decider.bundle.revision == revision


def test_what_is_newly_allowed_needs_the_second_signers_approval(running: Running) -> None:
    assert not running.ask(action="agencies.write").allow

    def widen(actions: dict[str, Any]) -> None:
        actions["agencies.write"].update(roles=["connector"], approvals=0)

    running.desk.edit("actions", widen)
    assert running.refused(running.desk.signed()) == "policy_approval_missing"
    running.activate(running.desk.signed(newly_allowed=True))
    assert running.ask(action="agencies.write").allow


def test_a_replay_that_says_too_little_is_refused(running: Running) -> None:
    running.ask()
    for path in ("admin.rego", "projections/admin.json", "schemas/input/admin.json"):
        (running.desk.policies / path).unlink()
    assert running.refused(running.desk.signed()) == "policy_replay_incomplete"


def test_an_older_bundle_is_refused_and_rolling_back_is_one_step(running: Running) -> None:
    first = running.desk.signed()
    one = running.activate(first)
    running.desk.edit("purposes", lambda rows: rows["sanctions"].update(title="Another title"))
    two = running.activate(running.desk.signed())
    assert running.refused(first) == "policy_revision_older"
    running.office.roll_back(one[33:45], running.replay, ACTOR)
    decision = running.ask()
    assert f"{decision.policy_revision}+{decision.data_revision}" == one != two
    assert running.events("policy.rolled-back")[-1]["former"] == two
    running.office.roll_back("", running.replay, ACTOR)
    with running.kit.core.database.read() as tx:
        assert policies.state(tx).revision == two
    with pytest.raises(PasserelleError) as unknown:
        running.office.roll_back("f" * 12 + "x", running.replay, ACTOR)
    assert unknown.value.code == "policy_revision_unknown"


def syntax_error(running: Running) -> bytes:
    with (running.desk.policies / "match.rego").open("a", encoding="utf-8") as file:
        file.write("\nallow if {\n")
    return running.desk.signed()


def unknown_field(running: Running) -> bytes:
    files = pack(running.desk.policies)
    content = json.loads(files["data.json"])
    content["reference"]["agencies"]["police"]["sees_everything"] = True
    files["data.json"] = canonical(content)
    desk = running.desk
    return write_archive(desk.second(sign_first(files, desk.alice, 9)))


def one_signature(running: Running) -> bytes:
    return write_archive(running.desk.first())


def same_person(running: Running) -> bytes:
    desk = running.desk
    return write_archive(sign_second(desk.first(), desk.alice, figures={}, newly_allowed=False))


def unsigned_file(running: Running) -> bytes:
    return write_archive({**running.desk.second(running.desk.first()), "extra.rego": b"package extra"})


def wrong_signature(running: Running) -> bytes:
    files = running.desk.second(running.desk.first())
    return write_archive({**files, "match.rego": files["match.rego"] + b"\n"})


def garbage(running: Running) -> bytes:
    return b"no archive"


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (syntax_error, "policy_bundle_invalid"),
        (garbage, "policy_bundle_invalid"),
        (unknown_field, "policy_data_invalid"),
        (one_signature, "policy_signature_missing"),
        (same_person, "policy_signers_same"),
        (unsigned_file, "policy_file_unsigned"),
        (wrong_signature, "policy_signature_invalid"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_a_bad_bundle_is_refused_with_its_code_and_the_active_revision_serves(
    running: Running, make: Any, code: str
) -> None:
    running.activate(running.desk.signed())
    assert running.refused(make(running)) == code


def test_a_revision_that_a_process_cannot_load_denies_until_it_can(running: Running) -> None:
    running.activate(running.desk.signed())
    assert running.ask().allow
    running.desk.edit("purposes", lambda rows: rows["sanctions"].update(title="Another title"))
    second = running.activate(running.desk.signed())
    with running.kit.core.database.write() as tx:  # as a disk, or a hand in the database, would do it
        good = policies.archive(tx, second)
        tx.execute(policy_revision.update().values(archive=b"spoilt"))
    assert running.ask().reason_codes == ("policy_unavailable",)
    running.kit.beat()
    assert running.ask().reason_codes == ("policy_unavailable",)
    with running.kit.core.database.write() as tx:
        tx.execute(policy_revision.update().values(archive=good))
    running.kit.beat()
    assert running.ask().allow


def test_two_processes_decide_by_one_revision_at_any_moment(
    running: Running, tmp_path: Path, bundle: Bundle
) -> None:
    """A second core on the same database, as another hub process would be."""
    core = build_core(
        replace(running.kit.core.foundation, engine=EmbeddedEngine(bundle)), running.kit.core.database
    )
    other = Running(replace(running.kit, core=core), running.desk, running.office)
    assert running.ask().allow and other.ask().allow
    running.desk.edit("agencies", suspend_police)
    running.activate(running.desk.signed())
    answers = [side.ask() for side in (other, running, other)]
    assert {one.reason_codes for one in answers} == {("agency_inactive",)}
    assert len({one.data_revision for one in answers}) == 1
    core.following.close()


def test_a_shadow_is_asked_and_obeyed_in_nothing(running: Running) -> None:
    running.activate(running.desk.signed())
    running.desk.edit("agencies", suspend_police)
    running.office.shadow(running.desk.signed(), ACTOR)
    for _ in range(3):
        assert running.ask().allow
    assert running.ask("customs").allow
    with running.kit.core.database.read() as tx:
        state = policies.state(tx)
        (row,) = policies.differences(tx, state.shadow)
    assert (row.package, row.action, row.change, row.why, row.count) == (
        "admin",
        "directory.read",
        "newly_denied",
        "agency_inactive",
        3,
    )
    running.office.unshadow(ACTOR)
    assert running.ask().allow
    with running.kit.core.database.read() as tx:
        assert policies.differences(tx, state.shadow)[0].count == 3
    assert [event["revision"] != "" for event in running.events("policy.shadowed")] == [True, False]


def test_a_shadow_that_fails_does_no_harm(running: Running) -> None:
    running.activate(running.desk.signed())
    with (running.desk.policies / "admin.rego").open("a", encoding="utf-8") as file:
        file.write('\nbroken := 1\n\nbroken := 2\n\ngrants contains "role" if broken == 3\n')
    running.office.shadow(running.desk.signed(), ACTOR)
    assert running.ask().allow
    assert running.ask().allow
    with running.kit.core.database.read() as tx:
        (row,) = policies.differences(tx, policies.state(tx).shadow)
    assert (row.change, row.count) == ("no_answer", 1)


def test_no_shadow_before_the_first_activation(running: Running) -> None:
    with pytest.raises(PasserelleError) as refused:
        running.office.shadow(running.desk.signed(), ACTOR)
    assert refused.value.code == "policy_not_activated"


def test_the_log_grows_by_one_event_for_each_change(running: Running) -> None:
    running.activate(running.desk.signed())
    running.office.roll_back(read_bundle(pack(running.desk.policies)).revision, running.replay, ACTOR)
    with running.kit.core.database.read() as tx:
        counts = log_store.counts(tx)
        assert [row.action for row in policies.changes(tx)] == ["activated", "rolled_back"]
    assert (counts["policy.activated"], counts["policy.rolled-back"]) == (1, 1)
