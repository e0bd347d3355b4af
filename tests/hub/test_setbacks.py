"""A batch that matching always fails on: tried ever less often, holding up nobody, seen, finished at last."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest
from hub_kit import HubKit, hub_kit
from sqlalchemy import select, update
from structlog.testing import capture_logs
from structlog.typing import EventDict

from passerelle.checks import Check, State, checked
from passerelle.clock import SystemClock
from passerelle.errors import PasserelleError
from passerelle.notification import LinkState
from passerelle_hub.batch_checks import MINUTE, waiting_batches, waiting_clusters
from passerelle_hub.compose import build_core
from passerelle_hub.config import HubSettings
from passerelle_hub.policy.bundle import Bundle
from passerelle_hub.policy.embedded import EmbeddedEngine
from passerelle_hub.policy.model import PolicyInput
from passerelle_hub.setbacks import LONGEST, Setbacks
from passerelle_hub.store import batches, chances, clusters, links, recoveries
from passerelle_hub.store.tables import record

SAME = {"surname+given+birth": "jansen jan 1980-02-03", "national number": "80020312345"}
OTHERS = {"surname+given+birth": "peeters an 1971-05-06", "national number": "71050612345"}


@dataclass
class Deaf:
    """An engine that fails wherever it is asked to match one agency's records."""

    engine: EmbeddedEngine
    agency: str = "prisons"

    def evaluate(self, package: str, requests: Mapping[str, PolicyInput], /) -> Mapping[str, object]:
        if package == "match" and self.agency in str(requests):
            raise PasserelleError("policy_evaluation_failed", "made to fail by a test")
        return self.engine.evaluate(package, requests)

    def close(self) -> None:
        self.engine.close()


@pytest.fixture
def lines() -> Iterator[list[EventDict]]:
    with capture_logs() as found:
        yield found


def tries(lines: list[EventDict]) -> list[int]:
    return [line["attempt"] for line in lines if line["event"] == "settle.failed"]


def notified(hub: HubKit) -> int:
    with hub.core.database.read() as tx:
        return links.counts(tx).get(LinkState.NOTIFIED.value, 0)


def clustered(hub: HubKit) -> dict[str, int]:
    with hub.core.database.read() as tx:
        return clusters.counts(tx)


def spoil(hub: HubKit, batch: int) -> bytes:
    """What the records of a batch say can no longer be read; returns what they said."""
    with hub.core.database.write() as tx:
        mine = record.c.batch_pk == batch
        said = tx.execute(select(record.c.marking).where(mine)).scalar_one()
        tx.execute(update(record).where(mine).values(marking=b"\xff"))
    return bytes(said)


def mend(hub: HubKit, batch: int, said: bytes) -> None:
    with hub.core.database.write() as tx:
        tx.execute(update(record).where(record.c.batch_pk == batch).values(marking=said))


def stuck(hub: HubKit) -> bytes:
    """The second batch cannot be matched with the first, which was."""
    police, intelligence = hub.agency("police"), hub.agency("intelligence")
    hub.submit(police, police.record(SAME))
    hub.beat()
    hub.submit(intelligence, intelligence.record(SAME))
    return spoil(hub, 2)


def examined(hub: HubKit, url: str) -> Check:
    settings = HubSettings(identity="spiffe://hub.example/hub/exchange", domains={}, database=url)
    return checked("batches", lambda: waiting_batches(settings, hub.clock))


def test_it_is_tried_ever_less_often(hub: HubKit, lines: list[EventDict]) -> None:
    stuck(hub)
    for _ in range(40):
        hub.beat()
    assert tries(lines) == [1, 2, 3, 4, 5, 6]  # at beats 1, 2, 4, 8, 16 and 32


def test_the_log_says_which_why_and_where(hub: HubKit, lines: list[EventDict]) -> None:
    stuck(hub)
    hub.beat()
    (line,) = (line for line in lines if line["event"] == "settle.failed")
    assert line["code"] == "batch_not_matched"
    assert (line["agency"], line["attempt"], line["log_level"]) == ("intelligence", 1, "error")
    with hub.core.database.read() as tx:
        (waits,) = batches.pending(tx, 9)
    assert line["batch_id"] == waits.batch_id.hex()
    assert ".py:" in line["detail"]


def test_it_takes_no_other_with_it_and_is_finished_once_the_cause_is_gone(
    hub: HubKit, lines: list[EventDict]
) -> None:
    said = stuck(hub)
    customs, police = hub.agency("customs"), hub.agency("police")
    for _ in range(3):  # in one transaction with it, and beside it later
        hub.submit(customs, customs.record(OTHERS))
        hub.submit(police, police.record(OTHERS))
        hub.beat()
        with hub.core.database.read() as tx:
            assert [batch.batch_pk for batch in batches.pending(tx, 9)] == [2]
    before = notified(hub)
    assert before
    assert len(tries(lines)) == 2
    mend(hub, 2, said)
    for _ in range(2):
        hub.beat()
    assert notified(hub) == before + 1
    with hub.core.database.read() as tx:
        assert batches.pending(tx, 9) == ()


def test_who_agrees_with_one_of_its_records_is_matched_with_everybody_else(hub: HubKit) -> None:
    said = stuck(hub)
    customs = hub.agency("customs")
    for _ in range(2):
        hub.submit(customs, customs.record(SAME))
        hub.beat()
    with hub.core.database.read() as tx:
        assert [batch.batch_pk for batch in batches.pending(tx, 9)] == [2]
    assert notified(hub) == 2  # police with each record of customs
    mend(hub, 2, said)
    hub.beat()
    hub.beat()
    assert notified(hub) == 5


def test_a_link_with_one_of_its_records_stays_until_it_is_matched(hub: HubKit) -> None:
    police, intelligence = hub.agency("police"), hub.agency("intelligence")
    first, second = os.urandom(16), os.urandom(16)
    hub.submit(police, police.record(SAME, record_id=first))
    hub.submit(intelligence, intelligence.record(SAME, record_id=second))
    hub.beat()
    hub.submit(intelligence, intelligence.record(SAME, record_id=second, revision=2))
    said = spoil(hub, 3)
    for revision in (2, 3):
        hub.submit(police, police.record(SAME, record_id=first, revision=revision))
        hub.beat()
    assert notified(hub) == 1
    with hub.core.database.read() as tx:
        assert [batch.batch_pk for batch in batches.pending(tx, 9)] == [3]
    mend(hub, 3, said)
    for _ in range(4):
        hub.beat()
    with hub.core.database.read() as tx:
        assert batches.pending(tx, 9) == ()
    assert notified(hub) == 1


def test_two_processes_that_set_each_others_batch_aside_lose_no_pair(hub: HubKit) -> None:
    police, intelligence = hub.agency("police"), hub.agency("intelligence")
    other = build_core(hub.core.foundation, hub.core.database)
    with hub.core.database.read() as tx:
        other.registry.refresh(tx)
    hub.submit(police, police.record(SAME))
    hub.submit(intelligence, intelligence.record(SAME))
    said = [spoil(hub, batch) for batch in (1, 2)]
    for core in (hub.core, other):
        assert core.settlement.settle_all() == 0
    for batch in (1, 2):
        mend(hub, batch, said[batch - 1])
    assert hub.core.settlement.settle([1]) == 1  # without the second
    assert other.settlement.settle([2]) == 1  # it failed with the first before, and that is no reason now
    assert notified(hub) == 1


def test_one_that_has_no_answer_of_policy_where_others_have_is_held_up_by_itself(
    tmp_path: Path, engine: EmbeddedEngine, bundle: Bundle, lines: list[EventDict]
) -> None:
    with hub_kit(tmp_path, Deaf(engine), bundle) as hub:
        police, prisons, customs = (hub.agency(name) for name in ("police", "prisons", "customs"))
        hub.submit(police, police.record(SAME))
        hub.submit(prisons, prisons.record(SAME))  # of whom the engine can say nothing
        for number in range(12):
            hub.beat()
            hub.submit(customs, customs.record({"national number": f"{number}"}))
        with hub.core.database.read() as tx:
            waiting = [batch.agency for batch in batches.pending(tx, 9)]
        assert waiting == ["prisons", "customs"]  # the last one came after the beat
        assert max(tries(lines)) == 4


def test_one_domain_whose_figures_are_spoilt_holds_up_that_domain_alone(hub: HubKit) -> None:
    police, customs = hub.agency("police"), hub.agency("customs")
    for agency in (police, customs):
        hub.submit(agency, agency.record(OTHERS))
    with hub.core.database.write() as tx:
        chances.put(tx, "lists", "police", b"\xff", 1)
    hub.submit(police, police.record({}), domain="lists")
    hub.beat()
    with hub.core.database.read() as tx:
        assert {batch.domain for batch in batches.pending(tx, 9)} <= {"lists"}
    assert notified(hub) == 1


def test_records_whose_clusters_cannot_be_computed_keep_nobody_elses_from_it(
    hub: HubKit, lines: list[EventDict]
) -> None:
    police, intelligence = hub.agency("police"), hub.agency("intelligence")
    for words in (OTHERS, SAME):
        for agency in (police, intelligence):
            hub.submit(agency, agency.record(words))
    assert hub.core.settlement.settle_all() == 4
    said = spoil(hub, 4)
    for _ in range(12):
        hub.beat()
    assert clustered(hub) == {"2": 1}
    found = [line for line in lines if line["event"] == "clustering.failed"]
    assert [line["attempt"] for line in found] == [1, 2, 3, 4]  # at beats 1, 2, 4 and 8
    assert {line["code"] for line in found} == {"clusters_not_computed"}
    mend(hub, 4, said)
    for _ in range(6):
        hub.beat()
    assert clustered(hub) == {"2": 2}


def test_the_doctor_names_changed_links_whose_clusters_newer_ones_overtook(
    hub: HubKit, database_url: str
) -> None:
    settings = HubSettings(identity="spiffe://hub.example/hub/exchange", domains={}, database=database_url)

    def found() -> Check:
        return checked("clusters", lambda: waiting_clusters(settings, hub.clock))

    police, intelligence = hub.agency("police"), hub.agency("intelligence")
    for agency in (police, intelligence):
        hub.submit(agency, agency.record(SAME))
    assert hub.core.settlement.settle_all() == 2
    said = spoil(hub, 2)
    hub.beat()
    assert found().text == "none waits"
    hub.clock.advance(11 * MINUTE)
    assert (found().state, found().text) == (
        State.WARN,
        "changed links not worked in since 11 minutes: 1 of police and intelligence",
    )
    for agency in (police, intelligence):
        hub.submit(agency, agency.record(OTHERS))
    hub.beat()
    assert found().state is State.FAIL
    assert found().text.startswith("clusters_not_computed: ")
    assert "1 of police and intelligence" in found().text and "clustering.failed" in found().fix
    with hub.core.database.write() as tx:
        recoveries.wait_for(tx, ["police"], hub.clock.now())
    assert found().text.endswith("a restored hub still awaits 1 agencies")
    with hub.core.database.write() as tx:
        recoveries.done(tx, "police")
    mend(hub, 2, said)
    hub.beat()
    hub.beat()
    assert found().text == "none waits"


def test_waiting_is_bounded_and_what_another_process_finished_is_forgotten() -> None:
    held, tried = Setbacks(), list[int]()
    for beat in range(2000):
        held.beat([7])
        if held.due(7):
            held.failed(7)
            tried.append(beat)
    apart = [later - earlier for earlier, later in pairwise(tried)]
    assert apart[:5] == [1, 2, 4, 8, 16]
    assert max(apart) == apart[-1] == LONGEST
    held.beat([])
    held.beat([7])
    assert held.due(7) and 7 not in held


def test_the_doctor_names_batches_that_newer_ones_overtook(hub: HubKit, database_url: str) -> None:
    stuck(hub)
    hub.beat()
    assert examined(hub, database_url).text == "none waits"
    hub.clock.advance(11 * MINUTE)
    found = examined(hub, database_url)
    assert (found.state, found.text) == (State.WARN, "1 of intelligence not matched since 11 minutes")
    customs = hub.agency("customs")
    hub.submit(customs, customs.record(OTHERS))
    hub.beat()
    found = examined(hub, database_url)
    assert found.state is State.FAIL
    assert found.text.startswith("batch_not_matched: ") and "1 of intelligence" in found.text
    assert "settle.failed" in found.fix
    with hub.core.database.write() as tx:
        recoveries.wait_for(tx, ["police"], hub.clock.now())
    assert examined(hub, database_url).text.endswith("a restored hub still awaits 1 agencies")


def test_a_hub_that_never_ran_has_no_batches_yet() -> None:
    settings = HubSettings(identity="spiffe://example/hub/hub", domains={}, database="not-there.db")
    found = waiting_batches(settings, SystemClock())
    assert isinstance(found, Check) and found.state is State.WARN
