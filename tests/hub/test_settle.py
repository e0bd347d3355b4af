"""Transaction B: who is linked, who learns of it, and who does not."""

from __future__ import annotations

import os
from dataclasses import replace

from hub_kit import FakeAgency, HubKit
from parties import HUB, MARKING
from sqlalchemy import update

from passerelle.checkpoint import verify_checkpoint
from passerelle.log_proof import verify_log_proof
from passerelle.marking import Classification, Tlp
from passerelle.notification import Band, LinkState, Relation
from passerelle.record import RecordAction
from passerelle_hub.store import batches, links, log_store
from passerelle_hub.store.tables import batch

SAME = {
    "surname+given+birth": "jansen jan 1980-02-03",
    "given+birth": "jan 1980-02-03",
    "surname~+birth": "jnsn 1980-02-03",
    "national number": "80020312345",
}


def states(hub: HubKit) -> dict[str, int]:
    with hub.core.database.read() as tx:
        return links.counts(tx)


def audited(hub: HubKit) -> dict[str, int]:
    with hub.core.database.read() as tx:
        return log_store.counts(tx)


def linked(hub: HubKit) -> tuple[FakeAgency, FakeAgency, bytes, bytes]:
    police, customs = hub.agency("police"), hub.agency("intelligence")
    first, second = os.urandom(16), os.urandom(16)
    hub.submit(police, police.record(SAME, record_id=first))
    hub.submit(customs, customs.record(SAME, record_id=second))
    hub.beat()
    return police, customs, first, second


def test_two_agencies_learn_of_the_same_person_and_nothing_of_each_others_record(hub: HubKit) -> None:
    police, intelligence, first, second = linked(hub)
    told = hub.inbox(police)
    heard = hub.inbox(intelligence)
    assert [note.own_records for note in told] == [(first,)]
    assert [note.own_records for note in heard] == [(second,)]
    assert told[0].link_id == heard[0].link_id
    assert told[0].relation is Relation.SAME_PERSON
    assert told[0].band is Band.VERY_STRONG
    assert told[0].state is LinkState.NOTIFIED
    assert told[0].decision_id
    assert {row.field for row in told[0].agreements} >= {"surname", "birth", "number"}


def test_policy_hides_a_counterpart_behind_the_coordinator(hub: HubKit) -> None:
    police, intelligence, _, _ = linked(hub)
    assert hub.inbox(police)[0].counterpart == "coordinator"
    assert hub.inbox(intelligence)[0].counterpart == "police"


def test_an_agency_is_never_linked_with_itself(hub: HubKit) -> None:
    police = hub.agency("police")
    hub.submit(police, police.record(SAME), police.record(SAME))
    hub.submit(police, police.record(SAME))
    hub.beat()
    assert states(hub) == {}


def test_batches_that_arrive_side_by_side_are_linked_once(hub: HubKit) -> None:
    police, intelligence, _, _ = linked(hub)
    hub.beat()
    assert states(hub) == {"notified": 1}
    assert len(hub.inbox(police)) == len(hub.inbox(intelligence)) == 1


def test_settling_a_batch_twice_changes_nothing(hub: HubKit) -> None:
    police, _, _, _ = linked(hub)
    with hub.core.database.read() as tx:
        assert batches.pending(tx, 9) == ()
    with hub.core.database.write() as tx:
        tx.execute(update(batch).values(state="indexed"))
    assert hub.core.settlement.settle([1]) == hub.core.settlement.settle([2]) == 1
    assert hub.core.settlement.settle([1, 2]) == 0
    assert states(hub) == {"notified": 1}
    assert len(hub.inbox(police)) == 1


def test_names_alone_are_a_candidate_and_nobody_is_notified(hub: HubKit) -> None:
    one, other = hub.agency("police"), hub.agency("coordination")
    listed = replace(
        MARKING,
        purposes=("sanctions",),
        legal_basis="published_list",
        classification=Classification.UNCLASSIFIED,
        tlp=Tlp.CLEAR,
    )
    words = {"whole name": "abu bakr example"}
    for agency in (one, other):
        receipt = hub.submit(agency, agency.record(words, marking=listed), domain="lists")
        assert receipt.refusals == ()
    hub.beat()
    assert states(hub) == {"candidate": 1}
    assert hub.inbox(one) == hub.inbox(other) == []


def test_the_names_tier_is_refused_where_the_domain_does_not_allow_it(hub: HubKit) -> None:
    police = hub.agency("police")
    receipt = hub.submit(police, police.record({"whole name": "abu bakr example"}))
    assert [row.code for row in receipt.refusals] == ["record_refused_by_policy"]


def test_an_embargoed_match_reaches_the_directors_desk_only(hub: HubKit) -> None:
    police, intelligence = hub.agency("police"), hub.agency("intelligence")
    desk = hub.agency("coordination")
    hub.submit(police, police.record(SAME, marking=replace(MARKING, embargo_basis="art-12")))
    hub.submit(intelligence, intelligence.record(SAME))
    hub.beat()
    assert states(hub) == {"director_only": 1}
    assert hub.inbox(police) == hub.inbox(intelligence) == []
    assert [note.visibility for note in hub.inbox(desk)] == ["director"]


def test_a_record_that_is_not_releasable_is_told_to_nobody_else(hub: HubKit) -> None:
    police, intelligence = hub.agency("police"), hub.agency("intelligence")
    hub.submit(police, police.record(SAME, marking=replace(MARKING, releasable_to=("prisons",))))
    hub.submit(intelligence, intelligence.record(SAME))
    hub.beat()
    assert hub.inbox(intelligence) == []
    assert len(hub.inbox(police)) == 1


def test_a_withdrawn_record_dissolves_its_links(hub: HubKit) -> None:
    police, _, first, _ = linked(hub)
    hub.submit(police, police.record({}, record_id=first, revision=2, action=RecordAction.WITHDRAW))
    hub.beat()
    assert states(hub) == {"erased": 1}


def test_a_record_withdrawn_before_the_tick_is_never_linked(hub: HubKit) -> None:
    police, intelligence = hub.agency("police"), hub.agency("intelligence")
    first = os.urandom(16)
    hub.submit(police, police.record(SAME, record_id=first))
    hub.submit(intelligence, intelligence.record(SAME))
    hub.submit(police, police.record({}, record_id=first, revision=2, action=RecordAction.WITHDRAW))
    hub.beat()
    assert states(hub) == {}
    assert hub.inbox(intelligence) == []


def test_a_revision_that_no_longer_agrees_closes_the_link(hub: HubKit) -> None:
    police, _, first, _ = linked(hub)
    hub.submit(police, police.record({"national number": "other"}, record_id=first, revision=2))
    hub.beat()
    assert states(hub) == {"erased": 1}


def test_tokens_that_too_many_records_carry_prove_nothing(hub: HubKit) -> None:
    police, intelligence = hub.agency("police"), hub.agency("intelligence")
    hub.submit(police, *[police.record(SAME) for _ in range(20)])
    hub.submit(intelligence, intelligence.record(SAME))
    hub.beat()
    assert states(hub) == {}


def test_no_effect_without_a_decision_and_an_event_before_it(hub: HubKit) -> None:
    linked(hub)
    counts = audited(hub)
    assert counts["link.opened"] == 1
    assert counts["notification.written"] == 2
    assert counts["decisions.taken"] == 4  # two submissions; a match and a notify for both batches


def test_a_receipts_event_is_proved_by_the_log_after_the_tick(hub: HubKit) -> None:
    police = hub.agency("police")
    receipt = hub.submit(police, police.record(SAME))
    for _ in range(3):
        hub.beat()
    with hub.core.database.write() as tx:
        note = hub.core.transparency.checkpoint(tx)
        places = log_store.places(tx, [receipt.audit_event])
        (found,) = hub.core.transparency.prove(tx, places, log_store.size(tx))
    checkpoint = verify_checkpoint(note, str(HUB), hub.core.foundation.signing_key.public)
    verify_log_proof(found.proof, receipt.audit_event, checkpoint)
    assert checkpoint.size == 3


def test_the_log_grows_by_one_leaf_a_tick_however_much_happened(hub: HubKit) -> None:
    def size() -> int:
        with hub.core.database.read() as tx:
            return log_store.size(tx)

    hub.beat()
    before = size()
    police = hub.agency("police")
    hub.submit(police, *[police.record({"national number": str(n)}) for n in range(50)])
    hub.beat()
    hub.beat()
    assert size() == before + 2
