"""What a person decided about a link stands unless a further field agrees; calibration reads it."""

from __future__ import annotations

import json
import os

import pytest
from hub_kit import FakeAgency, HubKit
from judgement_kit import judge, link_of

from passerelle.judgement import Verdict
from passerelle.notification import LinkState
from passerelle_hub.match.calibration_cli import read_calibration
from passerelle_hub.store import links

NAMES = {
    "surname+given+birth": "jansen jan 1980-02-03",
    "given+birth": "jan 1980-02-03",
    "surname~+birth": "jnsn 1980-02-03",
}
NUMBER = {"national number": "80020312345"}


@pytest.fixture
def refuted(hub: HubKit) -> tuple[FakeAgency, bytes]:
    """Two agencies hold one person; somebody refuted the link. The first agency and its record."""
    police, intelligence = hub.agency("police"), hub.agency("intelligence")
    record = os.urandom(16)
    hub.submit(police, police.record(NAMES, record_id=record))
    hub.submit(intelligence, intelligence.record(NAMES | NUMBER))
    hub.beat()
    judge(hub, intelligence, link_of(hub, 1).link_id, Verdict.REFUTED)
    return police, record


def state(hub: HubKit) -> str:
    with hub.core.database.read() as tx:
        (known,) = links.by_key(tx, [1])
    return known.state


def test_a_refuted_pair_stays_refuted(hub: HubKit, refuted: tuple[FakeAgency, bytes]) -> None:
    police, record = refuted
    again = NAMES | {"surname3+birth": "jan 1980-02-03"}
    hub.submit(police, police.record(again, record_id=record, revision=2))
    hub.beat()
    assert state(hub) == "refuted"


def test_a_further_field_makes_it_news_again(hub: HubKit, refuted: tuple[FakeAgency, bytes]) -> None:
    police, record = refuted
    hub.submit(police, police.record(NAMES | NUMBER, record_id=record, revision=2))
    hub.beat()
    assert state(hub) == "notified"


def test_the_report_reads_judgements_and_leaves_the_directors_links_out(
    hub: HubKit, refuted: tuple[FakeAgency, bytes]
) -> None:
    with hub.core.database.write() as tx:
        (known,) = links.by_key(tx, [1])
        assert [row.state for row in links.evidence(tx)] == ["refuted"]
        assert any(field == "surname" for field, _, _ in json.loads(known.evidence))
        assert read_calibration(tx).judged is None  # one is too few to be told
        links.change(tx, known._replace(state=LinkState.DIRECTOR_ONLY.value))
        assert read_calibration(tx).judged == 0
