"""What a closed epoch leaves in the index goes, in portions, and everything else stays provable."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from audit_kit import verified
from hub_kit import FakeAgency, HubKit
from parties import MARKING
from simulator import register_hub
from sqlalchemy import update

from passerelle.clock import DAY, HOUR
from passerelle.errors import PasserelleError
from passerelle.marking import TerCategory
from passerelle.record import RecordAction
from passerelle_hub.store import epochs, links, log_store, marks, records
from passerelle_hub.store.tables import record
from passerelle_hub.unindex import ClosedEpochs

SAME = {"surname+given+birth": "jansen jan 1980-02-03", "national number": "80020312345"}
PRE_INVESTIGATION = replace(MARKING, ter_category=TerCategory.PRE_INVESTIGATION)
FIRST, SECOND, EMBARGOED = b"1" * 16, b"2" * 16, b"3" * 16


def closed(hub: HubKit) -> ClosedEpochs:
    """Three records of two agencies, linked, left in an epoch that is closed."""
    register_hub(hub)
    police, intelligence = hub.agency("police"), hub.agency("intelligence")
    hub.submit(police, police.record(SAME, record_id=FIRST, sections={"identity": b"x"}))
    hub.submit(intelligence, intelligence.record(SAME, record_id=SECOND, marking=PRE_INVESTIGATION))
    hidden = replace(MARKING, embargo_basis="art-12")
    hub.submit(police, police.record({"national number": "1"}, record_id=EMBARGOED, marking=hidden))
    hub.beat()
    with hub.core.database.write() as tx:
        hub.core.epochs.announce(tx, "ter", 2, "ada")
        hub.core.epochs.open(tx, "ter", 2, "ada")
        hub.core.epochs.close(tx, "ter", 1, "ada", leaving=True)
    return ClosedEpochs(hub.core.database, hub.core.audit, hub.clock)


def held(hub: HubKit) -> int:
    with hub.core.database.read() as tx:
        return marks.count(tx)


def revised(hub: HubKit, agency: FakeAgency) -> None:
    """The agency went over: the same record, tokenised in the new epoch."""
    agency.epoch = 2
    hub.submit(agency, agency.record(SAME, record_id=FIRST, revision=2))
    hub.beat()


def test_what_a_closed_epoch_left_in_the_index_goes_in_portions(hub: HubKit, tmp_path: Path) -> None:
    sweep = closed(hub).sweep
    before = held(hub)
    assert before == 2 * len(SAME) + 1
    assert sweep(2) == 2
    assert 0 < held(hub) < before
    hub.beat()
    verified(hub, tmp_path / "half")
    assert sweep(2) == 1
    assert (held(hub), sweep(2)) == (0, 0)
    hub.beat()
    found = verified(hub, tmp_path / "all")
    assert found.records == 3
    with hub.core.database.read() as tx:
        assert links.counts(tx) == {"notified": 1}
        assert log_store.counts(tx)["record.unindexed"] == 3
        assert epochs.held(tx) == {("ter", 1): {"police": 2, "intelligence": 1}}


def test_open_epochs_are_left_alone_and_the_next_walk_waits(hub: HubKit) -> None:
    job = closed(hub)
    police = hub.agency("police")
    police.epoch = 2
    hub.submit(police, police.record({"national number": "7"}))
    hub.beat()
    assert (job.sweep(), held(hub)) == (3, 1)
    with hub.core.database.write() as tx:  # as after a restore
        tx.execute(update(record).where(record.c.record_id == FIRST).values(marks=bytes(16)))
    assert job.sweep() == 0
    hub.clock.advance(HOUR)
    assert job.sweep() == 1


def test_what_is_left_of_such_a_record_stays_provable(hub: HubKit, tmp_path: Path) -> None:
    assert closed(hub).sweep() == 3
    police = hub.agency("police")
    revised(hub, police)
    verified(hub, tmp_path / "revised")
    gone = police.record({}, record_id=EMBARGOED, revision=2, action=RecordAction.WITHDRAW)
    hub.submit(police, gone)
    hub.clock.advance(200 * DAY)
    assert hub.core.retention.sweep() == 1
    hub.beat()
    assert verified(hub, tmp_path / "later").records == 3


def test_scoring_anew_leaves_links_of_such_records_as_they_are(hub: HubKit) -> None:
    assert closed(hub).sweep() == 3
    with hub.core.database.write() as tx:
        (link,) = links.by_key(tx, [1])
        hub.core.settlement.rematch(tx, [records.by_key(tx, [link.high])[link.high].batch_pk])
        assert links.by_key(tx, [1]) == (link,)


@pytest.mark.parametrize(
    "change", [{"expiry": 5}, {"kinds": b""}, {"marks": bytes(16)}, {"state": "withdrawn"}]
)
def test_an_edit_of_such_a_record_is_named(hub: HubKit, tmp_path: Path, change: dict[str, object]) -> None:
    assert closed(hub).sweep() == 3
    hub.beat()
    with hub.core.database.write() as tx:
        tx.execute(update(record).where(record.c.record_id == FIRST).values(**change))
    with pytest.raises(PasserelleError, match="log_false"):
        verified(hub, tmp_path / "edited")


def test_marks_removed_by_hand_are_named(hub: HubKit, tmp_path: Path) -> None:
    closed(hub)
    hub.beat()
    with hub.core.database.write() as tx:
        (one, *_) = epochs.left_behind(tx, 0, 1)
        marks.remove(tx, [(one.marks[at : at + 16], one.record_pk) for at in range(0, len(one.marks), 16)])
        epochs.forget_marks(tx, [one.record_pk])
    with pytest.raises(PasserelleError, match="log_false"):
        verified(hub, tmp_path / "edited")
