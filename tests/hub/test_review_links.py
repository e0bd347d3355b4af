"""Transaction B under faults, and what embargoed records may change for others: nothing."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hub_kit import HubKit, Outage, hub_kit
from parties import MARKING

from passerelle.notification import Notification
from passerelle_hub.match import pairs
from passerelle_hub.policy.bundle import Bundle
from passerelle_hub.policy.engine import Engine
from passerelle_hub.store import Transaction, links, log_store

SAME = {
    "surname+given+birth": "jansen jan 1980-02-03",
    "given+birth": "jan 1980-02-03",
    "surname~+birth": "jnsn 1980-02-03",
    "national number": "80020312345",
}
EMBARGOED = replace(MARKING, embargo_basis="art-12")


def states(hub: HubKit) -> dict[str, int]:
    with hub.core.database.read() as tx:
        return links.counts(tx)


def audited(hub: HubKit) -> dict[str, int]:
    with hub.core.database.read() as tx:
        return log_store.counts(tx)


def test_a_recipient_without_a_key_holds_up_nobody(hub: HubKit) -> None:
    police, intelligence = hub.agency("police"), hub.agency("intelligence")
    hub.submit(police, police.record(SAME, marking=EMBARGOED))  # the director's desk never enrolled
    hub.submit(intelligence, intelligence.record(SAME))
    hub.beat()
    hub.beat()
    counts = audited(hub)
    assert states(hub) == {"director_only": 1}
    assert counts["notification.undeliverable"] == 1
    assert counts["batch.matched"] == 2


def test_a_batch_that_cannot_be_settled_holds_up_neither_others_nor_the_log(
    hub: HubKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    police, intelligence = hub.agency("police"), hub.agency("intelligence")
    hub.submit(police, police.record(SAME))
    hub.submit(intelligence, intelligence.record(SAME))
    whole = pairs.find

    def broken(tx: Transaction, keys: Sequence[int], aside: Collection[int] = ()) -> pairs.Found:
        if 1 in keys:
            raise RuntimeError("a fault of the hub")
        return whole(tx, keys, aside=aside)

    with monkeypatch.context() as patch:
        patch.setattr(pairs, "find", broken)
        hub.beat()
    with hub.core.database.read() as tx:
        assert log_store.size(tx) == 1
    assert audited(hub)["batch.matched"] == 1
    hub.beat()
    assert audited(hub)["batch.matched"] == 2
    assert states(hub) == {"notified": 1}


def test_links_wait_for_policy_and_are_not_lost(tmp_path: Path, engine: Engine, bundle: Bundle) -> None:
    outage = Outage(engine)
    with hub_kit(tmp_path, outage, bundle) as hub:
        police, intelligence = hub.agency("police"), hub.agency("intelligence")
        hub.submit(police, police.record(SAME))
        hub.submit(intelligence, intelligence.record(SAME))
        outage.down = True
        hub.beat()
        assert states(hub) == {}
        outage.down = False
        hub.beat()
        assert states(hub) == {"notified": 1}


def compared(folder: Path, engine: Engine, bundle: Bundle, hidden: int) -> Notification:
    """What police learn of a link where some other agency holds embargoed records of the same person."""
    folder.mkdir()
    with hub_kit(folder, engine, bundle) as hub:
        police, intelligence, customs = (hub.agency(name) for name in ("police", "intelligence", "customs"))
        hub.agency("coordination")
        if hidden:
            hub.submit(customs, *[customs.record(SAME, marking=EMBARGOED) for _ in range(hidden)])
        hub.submit(police, police.record(SAME))
        hub.submit(intelligence, intelligence.record(SAME))
        hub.beat()
        (note,) = hub.inbox(police)
        return note


@pytest.mark.parametrize("hidden", [30, 60])
def test_embargoed_records_change_nothing_that_others_are_told(
    tmp_path: Path, engine: Engine, bundle: Bundle, hidden: int
) -> None:
    plain = compared(tmp_path / "plain", engine, bundle, 0)
    beside = compared(tmp_path / "beside", engine, bundle, hidden)
    assert beside.agreements == plain.agreements
    assert (beside.band, beside.odds, beside.state) == (plain.band, plain.odds, plain.state)


def test_a_token_that_hundreds_carry_is_set_aside_once_and_not_once_a_pair(hub: HubKit) -> None:
    police, customs = hub.agency("police"), hub.agency("customs")
    common = {"national number": "80020312345"}
    hub.submit(police, *[police.record(common) for _ in range(300)])
    hub.submit(customs, *[customs.record(common) for _ in range(300)])
    with hub.core.database.read() as tx:
        found = pairs.find(tx, [2])
    assert (found.pairs, found.too_common) == ((), 1)


def test_an_erased_link_is_not_erased_again(hub: HubKit) -> None:
    police, intelligence, first = hub.agency("police"), hub.agency("intelligence"), os.urandom(16)
    hub.submit(police, police.record(SAME, record_id=first))
    hub.submit(intelligence, intelligence.record(SAME))
    hub.beat()
    hub.submit(police, police.record({"national number": "other"}, record_id=first, revision=2))
    hub.beat()
    before = audited(hub)["link.changed"]
    hub.clock.advance(200 * 365 * 86_400 * 1_000_000)
    assert hub.core.retention.sweep() == 2
    assert states(hub) == {"erased": 1}
    assert audited(hub)["link.changed"] == before
