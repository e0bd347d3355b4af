"""Chances that connectors measured: taken with a batch, used within bounds, the latest of each agency."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hub_kit import FakeAgency, HubKit

from passerelle.catalogue import catalogue
from passerelle.chances import Chance, encode_chances
from passerelle.groups import EntityKind
from passerelle.record import Receipt
from passerelle_hub.match.paired import Paired
from passerelle_hub.match.population import Population
from passerelle_hub.match.score import SharedToken, score
from passerelle_hub.match.weights import weights
from passerelle_hub.store import chances

BIRTH = (Chance("birth", "exact", 30), Chance("surname", "exact", 16))
WORDS = {"surname+given+birth": "jansen jan 1980-02-03"}


def submit(hub: HubKit, agency: FakeAgency, body: bytes) -> Receipt:
    """Submit one record under a statement with these chances."""
    record = agency.record(WORDS)
    batch = agency.seal_batch(replace(agency.statement(record), chances=body), record)
    receipt = hub.receipt(hub.core.intake.receive(batch, agency.identity))
    if receipt.consumed:
        agency.took(batch)
    return receipt


def test_a_report_takes_the_place_of_the_shipped_u() -> None:
    shipped, told = weights(), weights().measured([BIRTH])
    m, u = shipped.chances["birth"]["exact"]
    assert u > BIRTH[0].value
    assert told.fields["birth"]["exact"] > shipped.fields["birth"]["exact"]
    assert told.fields["given"] == shipped.fields["given"]
    assert told.fields["birth"]["disagree"] == shipped.fields["birth"]["disagree"]
    assert m < 1


def test_several_reports_are_averaged_and_unknown_names_say_nothing() -> None:
    one = weights().measured([BIRTH])
    two = weights().measured([BIRTH, (Chance("birth", "exact", 27),)])
    assert two.fields["birth"]["exact"] < one.fields["birth"]["exact"]
    odd = (Chance("shoe", "exact", 3), Chance("birth", "tomorrow", 3), Chance("birth", "disagree", 3))
    assert weights().measured([odd]) == weights()
    assert weights().measured([()]) is weights()


def test_no_report_moves_a_weight_by_more_than_three_bits() -> None:
    for halves in (0, 80):
        told = weights().measured([(Chance("birth", "exact", halves),)])
        assert abs(told.fields["birth"]["exact"] - weights().fields["birth"]["exact"]) <= 3.01


def test_a_pair_is_scored_by_what_its_population_states() -> None:
    kinds = frozenset({catalogue().named("surname+given+birth").id})
    shared = [SharedToken(next(iter(kinds)), 2)]
    town, told = Population(10_000), Population(10_000, stated=(encode_chances(BIRTH),))
    person = EntityKind.PERSON
    before, after = (score(shared, kinds, kinds, person, person, one) for one in (town, told))
    assert after.bits != before.bits
    assert told.measured(Paired(100, 50)).stated == told.stated


def test_the_latest_statement_of_each_agency_counts(hub: HubKit) -> None:
    police, intelligence = hub.agency("police"), hub.agency("intelligence")
    first, second = encode_chances(BIRTH), encode_chances(BIRTH[:1])
    for agency, body in ((police, first), (intelligence, first), (police, second), (police, b"")):
        assert submit(hub, agency, body).code == ""
    with hub.core.database.read() as tx:
        assert chances.stated(tx, "ter") == (first, second)
        assert chances.stated(tx, "lists") == ()


@pytest.mark.parametrize("raw", [b"[]x", b'[["birth","exact",99]]'])
def test_chances_that_are_none_refuse_the_batch(hub: HubKit, raw: bytes) -> None:
    assert submit(hub, hub.agency("police"), raw).code == "message_malformed"
