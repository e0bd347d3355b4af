"""What is past its time goes, with its links; what is beyond a quota is refused and costs nothing."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest
from hub_kit import HubKit
from parties import MARKING

from passerelle.clock import DAY
from passerelle.errors import PasserelleError
from passerelle.marking import TerCategory
from passerelle_hub.quota import Quota
from passerelle_hub.store import links, log_store, marks, quotas, records

SAME = {"surname+given+birth": "jansen jan 1980-02-03", "national number": "80020312345"}
PRE_INVESTIGATION = replace(MARKING, ter_category=TerCategory.PRE_INVESTIGATION)


def test_a_pre_investigation_record_is_erased_after_six_months_with_its_links(hub: HubKit) -> None:
    police, intelligence = hub.agency("police"), hub.agency("intelligence")
    hub.submit(police, police.record(SAME, marking=PRE_INVESTIGATION, sections={"identity": b"sealed"}))
    hub.submit(intelligence, intelligence.record(SAME))
    hub.beat()
    hub.clock.advance(179 * DAY)
    assert hub.core.retention.sweep() == 0
    hub.clock.advance(2 * DAY)
    assert hub.core.retention.sweep() == 1
    assert hub.core.retention.sweep() == 0
    with hub.core.database.read() as tx:
        assert records.counts(tx) == {"intelligence": 1}
        assert marks.count(tx) == len(SAME)
        assert links.counts(tx) == {"erased": 1}
        counts = log_store.counts(tx)
    assert counts["record.erased"] == 1
    assert counts["retention.swept"] == 1


def test_an_expired_record_is_not_linked_any_more(hub: HubKit) -> None:
    police, intelligence = hub.agency("police"), hub.agency("intelligence")
    hub.submit(police, police.record(SAME, marking=PRE_INVESTIGATION))
    hub.clock.advance(200 * DAY)
    hub.core.retention.sweep()
    hub.submit(intelligence, intelligence.record(SAME))
    hub.beat()
    with hub.core.database.read() as tx:
        assert links.counts(tx) == {}


def test_a_quota_is_per_agency_resource_and_day(hub: HubKit) -> None:
    quota = Quota(hub.clock, {"records": 10}, {"police": {"records": 3}})
    with hub.core.database.write() as tx:
        quota.charge(tx, "police", "records", 3)
        quota.charge(tx, "customs", "records", 10)
        with pytest.raises(PasserelleError) as refused:
            quota.charge(tx, "police", "records", 1)
    assert refused.value.code == "quota_exceeded"
    hub.clock.advance(DAY)
    with hub.core.database.write() as tx:
        quota.charge(tx, "police", "records", 3)


def test_a_resource_without_a_limit_is_refused(hub: HubKit) -> None:
    quota = Quota(hub.clock, {"records": 10})
    with hub.core.database.write() as tx, pytest.raises(PasserelleError) as refused:
        quota.charge(tx, "police", "unheard-of", 1)
    assert refused.value.code == "quota_exceeded"


def test_a_batch_refused_as_a_whole_costs_no_quota(hub: HubKit) -> None:
    police = hub.agency("police")
    record = police.record(SAME, record_id=os.urandom(16))
    bad = police.seal_batch(replace(police.statement(record), epoch=9), record)
    hub.core.intake.receive(bad, police.identity)
    with hub.core.database.read() as tx:
        assert quotas.used(tx, "police", "records", hub.clock.now() // DAY) == 0
