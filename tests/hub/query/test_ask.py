"""One-off queries: who may ask, what of a hit is told, to whom else; and what looks like nothing."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from hub_kit import FakeAgency, HubKit, Outage, hub_kit
from parties import MARKING
from query_kit import ask, question, signed_question

from passerelle.clock import SECOND
from passerelle.errors import PasserelleError
from passerelle.marking import Classification, Handling, Marking, Tlp
from passerelle.notification import Band, NotificationKind, Relation
from passerelle.query import ANSWER_BYTES, WINDOW
from passerelle_hub.compose import build_core
from passerelle_hub.logbook.guard import LogGuard
from passerelle_hub.policy.bundle import Bundle
from passerelle_hub.policy.embedded import EmbeddedEngine
from passerelle_hub.quota import DEFAULT_LIMITS
from passerelle_hub.store import links, log_store, marks

SAME = {
    "surname+given+birth": "jansen jan 1980-02-03",
    "given+birth": "jan 1980-02-03",
    "surname~+birth": "jnsn 1980-02-03",
    "national number": "80020312345",
}
ELSE = {name: f"somebody else {word}" for name, word in SAME.items()}


def holder(hub: HubKit, name: str = "intelligence", marking: Marking = MARKING) -> bytes:
    agency, record_id = hub.agency(name), os.urandom(16)
    hub.submit(agency, agency.record(SAME, record_id=record_id, marking=marking))
    hub.beat()
    return record_id


def test_a_hit_tells_holder_band_and_what_agrees(hub: HubKit) -> None:
    record_id, police = holder(hub), hub.agency("police")
    answer = ask(hub, police, SAME)
    (hit,) = answer.hits
    assert answer.hit
    assert not answer.more
    assert hit.visibility == "match"
    assert hit.counterpart in {"intelligence", "coordinator"}
    assert hit.relation is Relation.SAME_PERSON
    assert hit.band is Band.VERY_STRONG
    assert {row.field for row in hit.agreements} >= {"surname", "number"}
    assert record_id.hex() not in str(answer)


def test_no_hit_where_nobody_holds_the_person(hub: HubKit) -> None:
    holder(hub)
    assert not ask(hub, hub.agency("police"), ELSE).hit


def test_nothing_of_a_question_is_stored(hub: HubKit) -> None:
    holder(hub)
    with hub.core.database.read() as tx:
        before = marks.count(tx)
    ask(hub, hub.agency("police"), SAME)
    hub.beat()
    with hub.core.database.read() as tx:
        assert marks.count(tx) == before
        assert links.counts(tx) == {}
        assert log_store.counts(tx)["query.asked"] == 1


def test_the_owner_is_told_who_asked_and_why(hub: HubKit) -> None:
    record_id = holder(hub)
    answer = ask(hub, hub.agency("police"), SAME)
    (told,) = hub.inbox(hub.agency("intelligence"))
    assert told.kind is NotificationKind.QUERY
    assert told.own_records == (record_id,)
    assert told.counterpart == "police"
    assert told.link_id == answer.query_id
    assert told.purposes == ("counter_terrorism",)
    assert told.agreements == ()


def test_an_owner_without_a_key_is_passed_over_and_the_log_says_so(hub: HubKit) -> None:
    holder(hub)
    hub.register(replace(hub.agency("intelligence").entry(revision=2), manifest=b""))
    assert ask(hub, hub.agency("police"), SAME).hit
    with hub.core.database.read() as tx:
        assert log_store.counts(tx)["query.owner-untold"] == 1


@pytest.mark.parametrize(
    "marking",
    [
        pytest.param(replace(MARKING, embargo_basis="art-12"), id="embargoed"),
        pytest.param(replace(MARKING, tlp=Tlp.RED), id="released to nobody"),
        pytest.param(replace(MARKING, releasable_to=("prisons",)), id="released to another"),
    ],
)
def test_what_the_asker_may_not_know_is_no_hit_and_nobody_is_told(hub: HubKit, marking: Marking) -> None:
    holder(hub, marking=marking)
    assert not ask(hub, hub.agency("police"), SAME).hit
    assert hub.inbox(hub.agency("intelligence")) == []


def test_every_answer_has_one_length(hub: HubKit) -> None:
    police = hub.agency("police")

    def length(words: dict[str, str]) -> int:
        hub.clock.advance(40_000_000)
        asked = signed_question(police, question(police, words))
        return len(hub.core.queries.answer(asked, police.identity).payload)

    empty = length(SAME)
    for name in ("intelligence", "coordination", "justice"):
        holder(hub, name, replace(MARKING, handling=Handling.H2))
    assert {empty, length(SAME), length(ELSE)} == {ANSWER_BYTES}


def test_a_query_right_alone_learns_that_something_exists_once(hub: HubKit) -> None:
    holder(hub, "intelligence")
    holder(hub, "police")
    (hit,) = ask(hub, hub.agency("customs"), SAME).hits
    assert (hit.visibility, hit.counterpart, hit.band) == ("existence", "coordinator", Band.WITHHELD)
    assert hit.agreements == ()
    assert "contact_basic_service=True" in hit.obligations


def test_the_askers_own_records_are_not_looked_for(hub: HubKit) -> None:
    holder(hub, "police")
    assert not ask(hub, hub.agency("police"), SAME).hit


def test_handling_travels_with_a_hit(hub: HubKit) -> None:
    holder(hub, marking=replace(MARKING, handling=Handling.H2))
    (hit,) = ask(hub, hub.agency("police"), SAME).hits
    assert hit.handling == "H2"
    assert "no_onward_sharing=True" in hit.obligations


def test_a_common_token_is_no_evidence(hub: HubKit) -> None:
    agency = hub.agency("intelligence")
    hub.submit(agency, *[agency.record(SAME) for _ in range(20)])
    hub.beat()
    assert not ask(hub, hub.agency("police"), SAME).hit


@pytest.mark.parametrize(
    "changes",
    [{"user": ""}, {"purpose": ""}, {"case_reference": ""}, {"legal_basis": ""}, {"age_band": "under_12"}],
    ids=lambda changes: next(iter(changes)),
)
def test_policy_refuses_who_names_nobody_or_no_reason(hub: HubKit, changes: dict[str, str]) -> None:
    with pytest.raises(PasserelleError, match="query_denied"):
        ask(hub, hub.agency("police"), SAME, **changes)


def test_without_an_answer_of_policy_nothing_is_answered_and_the_id_stays_good(
    tmp_path: Path, engine: EmbeddedEngine, bundle: Bundle
) -> None:
    outage = Outage(engine)
    with hub_kit(tmp_path, outage, bundle) as hub:
        holder(hub)
        police = hub.agency("police")
        asked = signed_question(police, question(police, SAME))
        outage.down = True
        with pytest.raises(PasserelleError, match="policy_unavailable"):
            hub.core.queries.answer(asked, police.identity)
        with hub.core.database.read() as tx:
            assert "query.asked" not in log_store.counts(tx)
        outage.down = False
        hub.core.queries.answer(asked, police.identity)


def test_a_refusal_in_an_outage_does_not_depend_on_what_is_found(
    tmp_path: Path, engine: EmbeddedEngine, bundle: Bundle
) -> None:
    """Although an answer to the same question was allowed a moment ago."""
    outage = Outage(engine)
    with hub_kit(tmp_path, outage, bundle) as hub:
        holder(hub)
        police = hub.agency("police")
        nobody = dict.fromkeys(SAME, "nobody")
        assert not ask(hub, police, nobody).hit
        outage.down = True
        for words in (SAME, nobody):
            with pytest.raises(PasserelleError, match="policy_unavailable"):
                ask(hub, police, words)


def test_clearance_below_the_record_is_no_hit(hub: HubKit) -> None:
    holder(hub, marking=replace(MARKING, classification=Classification.CONFIDENTIAL))
    assert not ask(hub, hub.agency("police"), SAME, clearance=1).hit


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"agency": "customs"}, "query_signature_invalid"),
        ({"audience": "spiffe://hub.example/hub/another"}, "query_signature_invalid"),
        ({"created": 1}, "query_stale"),
        ({"epoch": 2}, "batch_epoch_wrong"),
        ({"normaliser": "norm/0"}, "batch_normaliser_wrong"),
        ({"kinds": (9_999,), "tokens": bytes(16)}, "record_kind_unknown"),
        ({"kinds": (), "tokens": b""}, "message_malformed"),
        ({"channel": "other"}, "message_malformed"),
        ({"user": "u" * 200}, "message_malformed"),
    ],
)
def test_what_does_not_hold_is_refused(hub: HubKit, changes: dict[str, object], code: str) -> None:
    with pytest.raises(PasserelleError, match=code):
        ask(hub, hub.agency("police"), SAME, **changes)


def test_a_question_signed_by_another_key_is_refused(hub: HubKit) -> None:
    police, other = hub.agency("police"), hub.agency("customs")
    forged = signed_question(replace(police, signing=other.signing), question(police, SAME))
    with pytest.raises(PasserelleError, match="query_signature_invalid"):
        hub.core.queries.answer(forged, police.identity)


def test_a_copy_of_a_question_is_refused_for_as_long_as_it_is_fresh(hub: HubKit) -> None:
    police = hub.agency("police")
    asked = signed_question(police, question(police, SAME))
    hub.core.queries.answer(asked, police.identity)
    with pytest.raises(PasserelleError, match="query_replayed"):
        hub.core.queries.answer(asked, police.identity)
    hub.clock.advance(WINDOW)
    with pytest.raises(PasserelleError, match="query_replayed"):
        hub.core.queries.answer(asked, police.identity)
    hub.clock.advance(4 * WINDOW)
    with pytest.raises(PasserelleError, match="query_stale"):
        hub.core.queries.answer(asked, police.identity)


def test_a_question_ahead_of_time_cannot_be_copied_later(hub: HubKit) -> None:
    police = hub.agency("police")
    asked = signed_question(police, question(police, SAME, created=hub.clock.now() + WINDOW))
    hub.core.queries.answer(asked, police.identity)
    hub.clock.advance(2 * WINDOW)
    with pytest.raises(PasserelleError, match="query_replayed"):
        hub.core.queries.answer(asked, police.identity)


def used(hub: HubKit, agency: FakeAgency, count: int) -> None:
    with hub.core.database.write() as tx:
        quota = hub.core.queries._quota  # pyright: ignore[reportPrivateUsage] - spares a thousand questions
        quota.charge(tx, agency.name, {"queries": count})


def test_questions_of_a_day_are_counted(hub: HubKit) -> None:
    police = hub.agency("police")
    used(hub, police, DEFAULT_LIMITS["queries"] - 1)
    ask(hub, police, SAME)
    with pytest.raises(PasserelleError, match="quota_exceeded"):
        ask(hub, police, SAME)


def test_nothing_is_answered_while_the_log_does_not_stand(hub: HubKit) -> None:
    holder(hub)
    guard = LogGuard(hub.clock, 60 * SECOND)
    leader = hub.core
    hub.core = core = build_core(replace(leader.foundation, guard=guard), leader.database)
    with core.database.write() as tx:
        core.registry.refresh(tx)
        core.transparency.checkpoint(tx)
    police = hub.agency("police")
    assert ask(hub, police, SAME).hit
    hub.clock.advance(61 * SECOND)
    with pytest.raises(PasserelleError, match="log_stale"):
        ask(hub, police, SAME)
    with pytest.raises(PasserelleError, match="log_stale"):
        core.answers.questions(police.identity)
    leader.pulse.beat()
    with core.database.write() as tx:
        core.transparency.checkpoint(tx)
    assert ask(hub, police, SAME).hit
