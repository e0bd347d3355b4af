"""The life of a signed change of weights beside a running core: tried, activated, followed, rolled back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hub_kit import DOMAIN, HubKit, hub_kit
from policy_kit import ALICE, BRAM, Desk, desk
from weights_kit import MILD, STRICT, pair, signed

from passerelle.errors import PasserelleError
from passerelle_hub.match.change import WeightChange, encode_change
from passerelle_hub.match.signed_change import CHANGE, SCOPE, read_file, verify_file, write_file
from passerelle_hub.match.trial import Trial, try_weights
from passerelle_hub.policy.bundle import Bundle
from passerelle_hub.policy.embedded import EmbeddedEngine
from passerelle_hub.policy.signatures import sign_first, sign_second
from passerelle_hub.settle import populations
from passerelle_hub.store import links
from passerelle_hub.store import weights as store
from passerelle_hub.store.log_tables import audit_event
from passerelle_hub.weighing import ActiveWeights, WeightsOffice

pytestmark = pytest.mark.integration

ACTOR = "operator/test"


@dataclass
class Running:
    """A hub that holds one pair, notified by the shipped table, and the office that changes its weights."""

    kit: HubKit
    desk: Desk
    office: WeightsOffice
    issued: int = 0

    def trial(self, body: bytes) -> Trial:
        with self.kit.core.database.read() as tx:
            active = ActiveWeights(self.desk.signers).change(tx)
            return try_weights(tx, populations(tx, {DOMAIN}, active), body, 100)

    def signed(self, one: WeightChange, *, newly_notified: bool = False) -> bytes:
        self.issued += 1
        return signed(self.desk, one, self.issued, newly_notified=newly_notified)

    def refused(self, raw: bytes) -> str:
        """The code of a refusal, which the log has and the table has not."""
        with self.kit.core.database.read() as tx:
            before = store.listing(tx)
        with pytest.raises(PasserelleError) as caught:
            self.office.activate(raw, self.trial, ACTOR)
        with self.kit.core.database.read() as tx:
            assert store.listing(tx) == before
            rows = tx.execute(audit_event.select().where(audit_event.c.kind == "weights.refused"))
            assert json.loads(rows.all()[-1].detail)["code"] == caught.value.code
        return caught.value.code

    def link(self) -> tuple[str, str, str]:
        """State, band and weights of the one link."""
        with self.kit.core.database.read() as tx:
            (known,) = links.by_key(tx, [1])
        return known.state, known.band, known.weights

    def news(self, agency: str = "police") -> int:
        return len(self.kit.inbox(self.kit.agency(agency)))


@pytest.fixture
def running(tmp_path: Path, policies: Path, bundle: Bundle, database_url: str) -> Iterator[Running]:
    people = desk(policies, tmp_path)
    with hub_kit(tmp_path, EmbeddedEngine(bundle), bundle, database_url, signers=people.signers) as kit:
        for name, words in zip(("police", "intelligence"), pair(8002031234), strict=True):
            agency = kit.agency(name)
            kit.submit(agency, agency.record(words))
        kit.beat()
        yield Running(
            kit, people, WeightsOffice(kit.core.database, kit.core.audit, people.signers, kit.clock)
        )
        kit.core.following.close()


def test_a_change_that_two_persons_signed_is_followed_at_the_next_tick(running: Running) -> None:
    assert running.link() == ("notified", "strong", "weights/1")
    done = running.office.activate(running.signed(STRICT), running.trial, ACTOR)
    assert (done.first, done.second) == (ALICE, BRAM)
    running.kit.beat()
    assert running.link()[0] == "erased"
    running.kit.beat()
    with running.kit.core.database.read() as tx:
        assert store.reached(tx) is None


def test_rolling_back_brings_the_link_back(running: Running) -> None:
    running.office.activate(running.signed(STRICT), running.trial, ACTOR)
    running.kit.beat()
    assert running.office.roll_back(ACTOR) == ""
    running.kit.beat()
    assert running.link() == ("notified", "strong", "weights/1")
    with pytest.raises(PasserelleError, match="weights_nothing_active"):
        running.office.roll_back(ACTOR)


def test_a_link_that_stays_in_its_band_is_no_news(running: Running) -> None:
    before = running.news()
    running.office.activate(running.signed(MILD), running.trial, ACTOR)
    running.kit.beat()
    running.kit.beat()
    assert running.news() == before
    assert running.link()[:2] == ("notified", "strong")


def test_links_name_the_change_that_they_were_scored_by(running: Running) -> None:
    running.office.activate(running.signed(STRICT), running.trial, ACTOR)
    running.kit.beat()
    running.office.activate(running.signed(MILD, newly_notified=True), running.trial, ACTOR)
    running.kit.beat()
    assert running.link() == ("notified", "strong", f"weights/1+{MILD.revision}")
    assert running.office.roll_back(ACTOR) == STRICT.revision
    running.kit.beat()
    assert running.link()[0] == "erased"


def test_a_trial_tells_whom_a_change_would_notify_and_whom_no_longer(running: Running) -> None:
    found = running.trial(encode_change(STRICT))
    assert found.figures() == {"pairs": 1, "newly_notified": 0, "no_longer_notified": 1, "other_band": 0}
    assert found.moves == (("match strong", "nothing", 1),)
    running.office.activate(running.signed(STRICT), running.trial, ACTOR)
    assert running.trial(b"").figures()["newly_notified"] == 1
    assert running.trial(encode_change(STRICT)).moves == ()


def test_what_is_newly_notified_needs_the_second_signers_word(running: Running) -> None:
    running.office.activate(running.signed(STRICT), running.trial, ACTOR)
    assert running.refused(running.signed(MILD)) == "weights_approval_missing"
    running.office.activate(running.signed(MILD, newly_notified=True), running.trial, ACTOR)


def test_one_signature_one_person_twice_and_another_content_are_refused(running: Running) -> None:
    body, alice = {CHANGE: encode_change(STRICT)}, running.desk.alice
    first = sign_first(body, alice, 1, SCOPE)
    twice = sign_second(first, alice, figures={}, newly_allowed=False, scope=SCOPE)
    other = {**read_file(running.signed(STRICT)), CHANGE: encode_change(MILD)}
    assert running.refused(write_file(body)) == "policy_signature_missing"
    assert running.refused(write_file(first)) == "policy_signature_missing"
    assert running.refused(write_file(twice)) == "policy_signers_same"
    assert running.refused(write_file(other)) == "policy_signature_invalid"
    for raw in (b"", b"{}", b"[]", b'{"change.json": "\xc3\xa9"}', b'{"change.json": "{}", "more": ""}'):
        assert running.refused(raw) == "weights_change_invalid"


def test_a_signature_on_a_policy_is_none_on_weights(running: Running) -> None:
    files = sign_first({CHANGE: encode_change(STRICT)}, running.desk.alice, 1)
    files = sign_second(files, running.desk.bram, figures={}, newly_allowed=False)
    assert running.refused(write_file(files)) == "policy_signature_invalid"


def test_an_older_change_is_refused(running: Running) -> None:
    older, newer = running.signed(STRICT), running.signed(MILD)
    running.office.activate(newer, running.trial, ACTOR)
    assert running.refused(older) == "weights_revision_older"
    assert running.refused(newer) == "weights_revision_older"


def test_a_process_that_cannot_verify_scores_by_the_shipped_table(running: Running) -> None:
    with running.kit.core.database.write() as tx:
        store.add(tx, STRICT.revision, write_file({CHANGE: encode_change(STRICT)}), 1, ACTOR, 1)
        assert ActiveWeights(running.desk.signers).change(tx) == b""
    running.kit.beat()
    assert running.link() == ("notified", "strong", "weights/1")


def test_a_second_process_follows(running: Running) -> None:
    running.office.activate(running.signed(STRICT), running.trial, ACTOR)
    other = ActiveWeights(running.desk.signers)
    with running.kit.core.database.read() as tx:
        assert other.change(tx) == other.change(tx) == encode_change(STRICT)
    assert verify_file(running.signed(STRICT), running.desk.signers).change == STRICT
