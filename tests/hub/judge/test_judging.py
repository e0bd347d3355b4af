"""Judgements of links: who may give them, what they come to, what follows, and what looks like nothing."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier

import pytest
from hub_kit import FakeAgency, HubKit, Outage, hub_kit
from judgement_kit import NUMBER, SAME, judge, judgement, link_of, linked, signed_judgement
from parties import MARKING

from passerelle.errors import PasserelleError
from passerelle.judgement import WINDOW, Judgement, Reason, Verdict
from passerelle.marking import Marking, Tlp
from passerelle.notification import LinkState, NotificationKind
from passerelle.record import RecordAction
from passerelle.sign import Signed, SigningKey
from passerelle_hub.match.calibration_cli import judged
from passerelle_hub.policy.bundle import Bundle
from passerelle_hub.policy.embedded import EmbeddedEngine
from passerelle_hub.quota import DEFAULT_LIMITS
from passerelle_hub.store import clusters, judgements, links, log_store

PAIR = ("police", "intelligence")


def groups(hub: HubKit) -> list[list[str]]:
    with hub.core.database.read() as tx:
        return [[agency for agency, _ in members] for members in clusters.listing(tx)]


def events(hub: HubKit) -> dict[str, int]:
    with hub.core.database.read() as tx:
        return log_store.counts(tx)


@pytest.mark.parametrize(
    ("verdict", "state"),
    [
        (Verdict.UNDER_REVIEW, LinkState.UNDER_REVIEW),
        (Verdict.CONFIRMED_JUSTIFIED, LinkState.CONFIRMED),
        (Verdict.CONFIRMED_UNJUSTIFIED, LinkState.CONFIRMED),
        (Verdict.REFUTED, LinkState.REFUTED),
        (Verdict.UNDETERMINED, LinkState.UNDETERMINED),
    ],
)
def test_a_judgement_is_the_links_state_and_both_agencies_hear_of_it(
    hub: HubKit, verdict: Verdict, state: LinkState
) -> None:
    link_id = linked(hub, *PAIR)
    receipt = judge(hub, hub.agency("police"), link_id, verdict)
    assert (receipt.state, receipt.verdict) == (state, verdict)
    for name in PAIR:
        first, told = hub.inbox(hub.agency(name))
        assert (first.state, first.verdict) == (LinkState.NOTIFIED, "")
        assert (told.kind, told.link_id, told.state) == (NotificationKind.LINK, link_id, state)
        assert told.verdict == verdict
    with hub.core.database.read() as tx:
        (kept,) = judgements.history(tx, 1)
    assert (kept.agency, kept.verdict, kept.decision) == ("police", verdict, receipt.decision_id)
    assert events(hub)["link.judged"] == 1


def test_a_refuted_link_splits_its_cluster_and_a_new_judgement_joins_it_again(hub: HubKit) -> None:
    link_id = linked(hub, *PAIR)
    police = hub.agency("police")
    assert groups(hub) == [["intelligence", "police"]]
    judge(hub, police, link_id, Verdict.REFUTED)
    hub.beat()
    assert groups(hub) == []
    judge(hub, police, link_id, Verdict.UNDER_REVIEW)
    hub.beat()
    assert groups(hub) == [["intelligence", "police"]]
    with hub.core.database.read() as tx:
        assert [one.verdict for one in judgements.history(tx, 1)] == ["refuted", "under_review"]


def test_the_same_judgement_again_is_recorded_and_tells_nobody(hub: HubKit) -> None:
    link_id = linked(hub, *PAIR)
    police = hub.agency("police")
    for _ in range(2):
        judge(hub, police, link_id, Verdict.REFUTED)
    assert len(hub.inbox(police)) == 2
    assert events(hub)["link.judged"] == 2


def test_two_agencies_that_differ_leave_the_link_under_review_until_they_agree(hub: HubKit) -> None:
    link_id = linked(hub, *PAIR)
    police, intelligence = (hub.agency(name) for name in PAIR)
    judge(hub, police, link_id, Verdict.REFUTED)
    contested = judge(hub, intelligence, link_id, Verdict.CONFIRMED_JUSTIFIED)
    assert (contested.state, contested.verdict) == (LinkState.UNDER_REVIEW, Verdict.UNDER_REVIEW)
    agreed = judge(hub, police, link_id, Verdict.CONFIRMED_UNJUSTIFIED)
    assert (agreed.state, agreed.verdict) == (LinkState.CONFIRMED, Verdict.CONFIRMED_UNJUSTIFIED)


def test_a_refuted_link_stays_refuted_until_a_further_field_agrees(hub: HubKit) -> None:
    police, intelligence = (hub.agency(name) for name in PAIR)
    ours, theirs = os.urandom(16), os.urandom(16)
    hub.submit(police, police.record(SAME, record_id=ours))
    hub.submit(intelligence, intelligence.record(SAME, record_id=theirs))
    hub.beat()
    link_id = link_of(hub, 1).link_id
    judge(hub, police, link_id, Verdict.REFUTED)
    hub.submit(police, police.record(SAME, record_id=ours, revision=2))
    hub.beat()
    assert link_of(hub, 1).state == LinkState.REFUTED
    more = SAME | NUMBER
    hub.submit(police, police.record(more, record_id=ours, revision=3))
    hub.submit(intelligence, intelligence.record(more, record_id=theirs, revision=2))
    hub.beat()
    assert (link_of(hub, 1).state, link_of(hub, 1).verdict) == (LinkState.NOTIFIED, "")
    judge(hub, police, link_id, Verdict.REFUTED)
    hub.submit(police, police.record(more, record_id=ours, revision=4))
    hub.beat()
    assert link_of(hub, 1).state == LinkState.REFUTED


def test_a_confirmed_link_stays_confirmed_however_it_is_scored(hub: HubKit) -> None:
    police, record_id = hub.agency("police"), os.urandom(16)
    hub.submit(police, police.record(SAME | NUMBER, record_id=record_id))
    intelligence = hub.agency("intelligence")
    hub.submit(intelligence, intelligence.record(SAME | NUMBER))
    hub.beat()
    judge(hub, intelligence, link_of(hub, 1).link_id, Verdict.CONFIRMED_UNJUSTIFIED)
    hub.submit(police, police.record(SAME, record_id=record_id, revision=2))
    hub.beat()
    assert (link_of(hub, 1).state, link_of(hub, 1).verdict) == (LinkState.CONFIRMED, "confirmed_unjustified")


def test_a_withdrawn_record_erases_a_judged_link_as_any_other(hub: HubKit) -> None:
    police, record_id = hub.agency("police"), os.urandom(16)
    hub.submit(police, police.record(SAME | NUMBER, record_id=record_id))
    intelligence = hub.agency("intelligence")
    hub.submit(intelligence, intelligence.record(SAME | NUMBER))
    hub.beat()
    link_id = link_of(hub, 1).link_id
    judge(hub, intelligence, link_id, Verdict.CONFIRMED_JUSTIFIED)
    hub.submit(police, police.record({}, record_id=record_id, revision=2, action=RecordAction.WITHDRAW))
    hub.beat()
    assert link_of(hub, 1).state == LinkState.ERASED
    with pytest.raises(PasserelleError, match="link_unknown"):
        judge(hub, intelligence, link_id, Verdict.REFUTED)


def test_an_embargo_goes_before_a_judgement_which_counts_again_afterwards(hub: HubKit) -> None:
    hub.agency("coordination")
    police, record_id = hub.agency("police"), os.urandom(16)
    hub.submit(police, police.record(SAME | NUMBER, record_id=record_id))
    intelligence = hub.agency("intelligence")
    hub.submit(intelligence, intelligence.record(SAME | NUMBER))
    hub.beat()
    link_id = link_of(hub, 1).link_id
    judge(hub, intelligence, link_id, Verdict.CONFIRMED_JUSTIFIED)
    embargoed = replace(MARKING, embargo_basis="art-12")
    hub.submit(police, police.record(SAME | NUMBER, record_id=record_id, revision=2, marking=embargoed))
    hub.beat()
    assert link_of(hub, 1).state == LinkState.DIRECTOR_ONLY
    for agency in (police, intelligence):
        with pytest.raises(PasserelleError, match="link_unknown"):
            judge(hub, agency, link_id, Verdict.REFUTED)
    hub.submit(police, police.record(SAME | NUMBER, record_id=record_id, revision=3))
    hub.beat()
    assert link_of(hub, 1).state == LinkState.CONFIRMED


def test_what_is_judged_is_what_weights_are_learned_from(hub: HubKit) -> None:
    link_id = linked(hub, *PAIR)
    judge(hub, hub.agency("police"), link_id, Verdict.CONFIRMED_UNJUSTIFIED)
    with hub.core.database.read() as tx:
        (one,) = judged(tx)
    assert one.state is LinkState.CONFIRMED
    assert ("number", "exact") in one.levels


def test_who_is_no_party_finds_no_such_link(hub: HubKit) -> None:
    link_id = linked(hub, *PAIR)
    for agency, link in ((hub.agency("prisons"), link_id), (hub.agency("police"), os.urandom(16))):
        with pytest.raises(PasserelleError, match="link_unknown"):
            judge(hub, agency, link, Verdict.REFUTED)
    assert link_of(hub, 1).state == LinkState.NOTIFIED
    assert events(hub)["judgement.refused"] == 2


@pytest.mark.parametrize(
    "marking",
    [
        pytest.param(replace(MARKING, embargo_basis="art-12"), id="embargoed"),
        pytest.param(replace(MARKING, tlp=Tlp.RED), id="released to nobody"),
    ],
)
def test_a_link_that_an_agency_may_not_know_of_is_none(hub: HubKit, marking: Marking) -> None:
    hub.agency("coordination")
    intelligence, police = hub.agency("intelligence"), hub.agency("police")
    hub.submit(intelligence, intelligence.record(SAME | NUMBER, marking=marking))
    hub.submit(police, police.record(SAME | NUMBER))
    hub.beat()
    with pytest.raises(PasserelleError, match="link_unknown"):
        judge(hub, police, link_of(hub, 1).link_id, Verdict.REFUTED)


def test_a_query_right_alone_judges_nothing(hub: HubKit) -> None:
    link_id = linked(hub, "police", "customs")
    with pytest.raises(PasserelleError, match="judgement_denied") as refusal:
        judge(hub, hub.agency("customs"), link_id, Verdict.CONFIRMED_JUSTIFIED)
    assert "query_right_only" in refusal.value.detail


@pytest.mark.parametrize(
    "changes",
    [{"user": ""}, {"purpose": ""}, {"case_reference": ""}, {"legal_basis": ""}, {"clearance": 1}],
    ids=lambda changes: next(iter(changes)),
)
def test_policy_refuses_who_names_nobody_or_no_reason(hub: HubKit, changes: dict[str, object]) -> None:
    link_id = linked(hub, *PAIR)
    with pytest.raises(PasserelleError, match="judgement_denied"):
        judge(hub, hub.agency("police"), link_id, Verdict.REFUTED, **changes)
    assert link_of(hub, 1).state == LinkState.NOTIFIED


def test_without_an_answer_of_policy_nothing_is_recorded(
    tmp_path: Path, engine: EmbeddedEngine, bundle: Bundle
) -> None:
    outage = Outage(engine)
    with hub_kit(tmp_path, outage, bundle) as hub:
        link_id = linked(hub, *PAIR)
        outage.down = True
        with pytest.raises(PasserelleError, match="policy_unavailable"):
            judge(hub, hub.agency("police"), link_id, Verdict.REFUTED)
        assert events(hub).keys() & {"link.judged", "judgement.refused"} == set()
        outage.down = False
        judge(hub, hub.agency("police"), link_id, Verdict.REFUTED)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        pytest.param({"agency": "intelligence"}, "judgement_signature_invalid", id="another agency"),
        pytest.param(
            {"connector": "spiffe://x.example/connector/x"}, "judgement_signature_invalid", id="connector"
        ),
        pytest.param(
            {"audience": "spiffe://hub.example/hub/another"}, "judgement_signature_invalid", id="another hub"
        ),
        pytest.param({"created": 1}, "judgement_stale", id="old"),
        pytest.param({"reason": Reason.TOO_LITTLE}, "message_malformed", id="a reason of another verdict"),
        pytest.param({"link_id": b"short"}, "message_malformed", id="no id"),
        pytest.param({"user": "u" * 200}, "message_malformed", id="a text too long"),
    ],
)
def test_what_does_not_hold_is_refused(hub: HubKit, changes: dict[str, object], code: str) -> None:
    given = judgement(hub.agency("police"), linked(hub, *PAIR), Verdict.REFUTED)
    altered = replace(given, **changes)  # type: ignore[arg-type]  # field names are checked by the call itself
    with pytest.raises(PasserelleError, match=code):
        hub.core.judgements.judge(
            signed_judgement(hub.agency("police"), altered), hub.agency("police").identity
        )
    assert link_of(hub, 1).state == LinkState.NOTIFIED


def relabelled(signed: Signed, link_id: bytes) -> Signed:
    """The same judgement under the same signature, of another link."""
    return replace(signed, payload=signed.payload.replace(link_id, bytes(16)))


def test_what_is_done_to_a_judgement_on_its_way_is_refused(hub: HubKit) -> None:
    link_id = linked(hub, *PAIR)
    police, other = hub.agency("police"), SigningKey.generate()
    given = judgement(police, link_id, Verdict.REFUTED)
    signed = signed_judgement(police, given)
    stripped = replace(signed, signature=replace(signed.signature, ml_dsa_65=b""))
    forged = signed_judgement(replace(police, signing=other), given)
    retyped = replace(signed, payload_type="application/vnd.passerelle.query-question.v1")
    for altered in (relabelled(signed, link_id), stripped, forged, retyped):
        with pytest.raises(PasserelleError, match="judgement_signature_invalid"):
            hub.core.judgements.judge(altered, police.identity)
    with pytest.raises(PasserelleError, match="judgement_signature_invalid"):
        hub.core.judgements.judge(signed, hub.agency("intelligence").identity)
    hub.core.judgements.judge(signed, police.identity)
    with pytest.raises(PasserelleError, match="judgement_replayed"):
        hub.core.judgements.judge(signed, police.identity)
    hub.clock.advance(WINDOW + 1)
    with pytest.raises(PasserelleError, match="judgement_stale"):
        hub.core.judgements.judge(signed, police.identity)


def test_a_key_that_the_registry_shows_no_more_judges_nothing(hub: HubKit) -> None:
    link_id = linked(hub, *PAIR)
    police = hub.agency("police")
    signed = signed_judgement(police, judgement(police, link_id, Verdict.REFUTED))
    hub.register(replace(police, signing=SigningKey.generate()).entry(revision=2))
    with pytest.raises(PasserelleError, match="judgement_signature_invalid"):
        hub.core.judgements.judge(signed, police.identity)


def test_an_agency_without_a_key_is_told_of_a_judgement_once_it_has_one(hub: HubKit) -> None:
    link_id = linked(hub, *PAIR)
    intelligence = hub.agency("intelligence")
    hub.register(replace(intelligence.entry(revision=2), manifest=b""))
    judge(hub, hub.agency("police"), link_id, Verdict.REFUTED)
    assert len(hub.inbox(intelligence)) == 1
    hub.register(intelligence.entry(revision=3))
    hub.beat()
    assert [note.state for note in hub.inbox(intelligence)] == [LinkState.NOTIFIED, LinkState.REFUTED]


def test_judgements_of_a_day_are_counted_refused_ones_too(hub: HubKit) -> None:
    link_id = linked(hub, *PAIR)
    police = hub.agency("police")
    with hub.core.database.write() as tx:
        quota = hub.core.judgements._quota  # pyright: ignore[reportPrivateUsage] - spares ten thousand of them
        quota.charge(tx, "police", {"judgements": DEFAULT_LIMITS["judgements"] - 1})
    with pytest.raises(PasserelleError, match="link_unknown"):
        judge(hub, police, os.urandom(16), Verdict.REFUTED)
    with pytest.raises(PasserelleError, match="quota_exceeded"):
        judge(hub, police, link_id, Verdict.REFUTED)


def test_judgements_of_one_moment_have_an_order(hub: HubKit) -> None:
    link_id = linked(hub, *PAIR)
    police = hub.agency("police")
    for verdict in (Verdict.REFUTED, Verdict.UNDETERMINED, Verdict.UNDER_REVIEW):
        signed = signed_judgement(police, judgement(police, link_id, verdict))
        hub.core.judgements.judge(signed, police.identity)
    with hub.core.database.read() as tx:
        assert links.counts(tx) == {"under_review": 1}


def test_judgements_of_both_agencies_at_one_moment_are_both_heard(hub: HubKit) -> None:
    link_id = linked(hub, *PAIR)
    said = zip(PAIR, (Verdict.REFUTED, Verdict.CONFIRMED_JUSTIFIED), strict=True)
    given = [(hub.agency(name), judgement(hub.agency(name), link_id, verdict)) for name, verdict in said]
    start = Barrier(len(given))

    def give(agency: FakeAgency, judgement_: Judgement) -> None:
        signed = signed_judgement(agency, judgement_)
        start.wait()
        hub.core.judgements.judge(signed, agency.identity)

    with ThreadPoolExecutor(len(given)) as threads:
        for done in [threads.submit(give, *one) for one in given]:
            done.result()
    assert link_of(hub, 1).state == LinkState.UNDER_REVIEW
    assert [note.state for note in hub.inbox(hub.agency("police"))][-1] is LinkState.UNDER_REVIEW
