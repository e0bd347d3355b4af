"""What is past its time goes, with its links; what is beyond a quota is refused and costs nothing."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from hub_kit import HubKit
from parties import HUB, MARKING

from passerelle.clock import DAY
from passerelle.config import load
from passerelle.errors import PasserelleError
from passerelle.marking import TerCategory
from passerelle_hub.compose import Core, build_core
from passerelle_hub.config import HubSettings
from passerelle_hub.policy.bundle import Bundle
from passerelle_hub.policy.embedded import EmbeddedEngine
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
        quota.charge(tx, "police", {"records": 3})
        quota.charge(tx, "customs", {"records": 10})
        with pytest.raises(PasserelleError) as refused:
            quota.charge(tx, "police", {"records": 1})
    assert refused.value.code == "quota_exceeded"
    hub.clock.advance(DAY)
    with hub.core.database.write() as tx:
        quota.charge(tx, "police", {"records": 3})


def test_a_resource_without_a_limit_is_refused(hub: HubKit) -> None:
    quota = Quota(hub.clock, {"records": 10})
    with hub.core.database.write() as tx, pytest.raises(PasserelleError) as refused:
        quota.charge(tx, "police", {"unheard-of": 1})
    assert refused.value.code == "quota_exceeded"


def test_a_batch_refused_as_a_whole_costs_no_quota(hub: HubKit) -> None:
    police = hub.agency("police")
    record = police.record(SAME, record_id=os.urandom(16))
    bad = police.seal_batch(replace(police.statement(record), epoch=9), record)
    hub.core.intake.receive(bad, police.identity)
    with hub.core.database.read() as tx:
        assert quotas.used(tx, "police", "records", hub.clock.now() // DAY) == 0


def limited(hub: HubKit, tmp_path: Path, engine: EmbeddedEngine, bundle: Bundle) -> Core:
    """A second core over the same registry, with tight limits and one exception."""
    base = replace(
        hub.core.foundation,
        engine=engine,
        bundle=bundle,
        quotas={"records": 2, "tokens": 3},
        quota_exceptions={"intelligence": {"tokens": 1_000}},
    )
    core = build_core(base, hub.core.database)
    with hub.core.database.read() as tx:
        core.registry.refresh(tx)
    return core


def test_tokens_are_charged_with_their_batch_and_an_exception_holds_for_its_agency(
    hub: HubKit, tmp_path: Path, engine: EmbeddedEngine, bundle: Bundle
) -> None:
    police, intelligence = hub.agency("police"), hub.agency("intelligence")
    hub.core = limited(hub, tmp_path, engine, bundle)
    assert hub.submit(police, police.record(SAME)).accepted
    refused = hub.submit(police, police.record(SAME))
    assert (refused.code, refused.consumed) == ("quota_exceeded", True)
    for _ in range(2):
        assert hub.submit(intelligence, intelligence.record(SAME)).accepted
    assert hub.submit(intelligence, intelligence.record(SAME)).code == "quota_exceeded"  # records, not tokens
    day = hub.clock.now() // DAY
    with hub.core.database.read() as tx:
        assert quotas.used(tx, "police", "tokens", day) == len(SAME)
        assert quotas.used(tx, "police", "records", day) == 1  # the refused batch cost nothing
        assert quotas.used(tx, "intelligence", "tokens", day) == 2 * len(SAME)
    hub.clock.advance(DAY)
    assert hub.submit(police, police.record(SAME)).accepted


def test_limits_of_the_configuration_stand_beside_the_defaults(tmp_path: Path) -> None:
    config = tmp_path / "hub.toml"
    start = f'identity = "{HUB}"\n[domains]\nter = [1]\n'
    config.write_text(start + "[quotas]\nrecords = 7\n[quota_exceptions.police]\ntokens = 9\n", "utf-8")
    settings = load(HubSettings, config)
    assert settings.quotas == {"records": 7}
    assert settings.quota_exceptions == {"police": {"tokens": 9}}
    for wrong in ("[quotas]\nwishes = 1\n", "[quotas]\nrecords = -1\n", "[quota_exceptions.p]\nwishes = 1\n"):
        config.write_text(start + wrong, "utf-8")
        with pytest.raises(PasserelleError) as refused:
            load(HubSettings, config)
        assert refused.value.code == "config_invalid"
