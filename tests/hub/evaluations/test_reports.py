"""Trustees' reports at the hub: taken once, never shrinking, and held against the tokens submitted."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hub_kit import HubKit
from parties import entry_of

from passerelle.clock import DAY
from passerelle.codec.signed import encode_signed
from passerelle.errors import PasserelleError
from passerelle.evaluation_report import REPORT_TYPE, EvaluationCount, EvaluationReport, encode_report
from passerelle.groups import Group
from passerelle.identity import Identity, Role
from passerelle.manifest import KeyEntry, issue_first
from passerelle.sign import Signed, SigningKey, sign
from passerelle_hub.audit import EventKind
from passerelle_hub.evaluations.reconcile import Evaluations, Tolerance
from passerelle_hub.store import log_store

YEAR = 365 * DAY


class Trustee:
    """A registered trustee that signs what it is told to."""

    def __init__(self, hub: HubKit, index: int) -> None:
        self.hub, self.key = hub, SigningKey.generate()
        self.identity = Identity("trustees.example", Role.TRUSTEE, f"trustee-{index}")
        now = hub.clock.now()
        signs = KeyEntry(self.key.public, now, now + YEAR)
        manifest = encode_signed(issue_first(SigningKey.generate(), self.identity, signs))
        hub.register(entry_of(self.identity, hub.roots, manifest, now))

    def report(self, *counts: EvaluationCount, later: int = 0) -> EvaluationReport:
        now = self.hub.clock.now()
        return EvaluationReport(self.identity.agency, now // DAY, now + later, tuple(sorted(counts)))

    def sign(self, report: EvaluationReport) -> Signed:
        return sign(self.key, REPORT_TYPE, encode_report(report))

    def send(self, report: EvaluationReport) -> None:
        self.hub.core.reports.take(self.identity, self.sign(report))


@pytest.fixture
def trustees(hub: HubKit) -> list[Trustee]:
    return [Trustee(hub, index) for index in (1, 2)]


def phones(elements: int, requests: int = 1) -> EvaluationCount:
    return EvaluationCount("police", Group.PHONE, requests, elements)


def events(hub: HubKit, kind: EventKind) -> int:
    with hub.core.database.read() as tx:
        return log_store.counts(tx).get(kind.value, 0)


def code(trustee: Trustee, signed: Signed) -> str:
    with pytest.raises(PasserelleError) as refusal:
        trustee.hub.core.reports.take(trustee.identity, signed)
    return refusal.value.code


def test_a_report_is_kept_once(hub: HubKit, trustees: list[Trustee]) -> None:
    signed = trustees[0].sign(trustees[0].report(phones(7)))
    for _ in range(2):
        hub.core.reports.take(trustees[0].identity, signed)
    assert events(hub, EventKind.EVALUATIONS_REPORTED) == 1


def test_a_later_report_replaces_an_earlier_one(hub: HubKit, trustees: list[Trustee]) -> None:
    first, _ = trustees
    first.send(first.report(phones(7)))
    first.send(first.report(phones(4_009, requests=2), later=1))
    over = evaluations(hub).reconcile()
    assert [row.evaluated for row in over] == [4_009 // 2]


def test_a_report_that_says_less_or_is_older_is_refused(hub: HubKit, trustees: list[Trustee]) -> None:
    first, _ = trustees
    first.send(first.report(phones(7), later=5))
    assert code(first, first.sign(first.report(phones(6), later=6))) == "evaluation_report_stale"
    assert code(first, first.sign(first.report(phones(9), later=4))) == "evaluation_report_stale"


def test_a_trustee_speaks_for_itself_alone(hub: HubKit, trustees: list[Trustee]) -> None:
    first, second = trustees
    assert code(first, second.sign(second.report(phones(7)))) == "manifest_key_unknown"
    assert code(first, first.sign(second.report(phones(7)))) == "evaluation_report_invalid"


def test_a_day_to_come_is_refused(hub: HubKit, trustees: list[Trustee]) -> None:
    first, _ = trustees
    report = first.report(phones(7))
    assert code(first, first.sign(replace(report, day=report.day + 1))) == "evaluation_report_invalid"


def evaluations(hub: HubKit, tolerance: Tolerance | None = None) -> Evaluations:
    core = hub.core
    return Evaluations(
        database=core.database, audit=core.audit, clock=hub.clock, tolerance=tolerance or Tolerance()
    )


def test_what_became_tokens_is_no_difference(hub: HubKit, trustees: list[Trustee]) -> None:
    police = hub.agency("police")
    receipt = hub.submit(police, *(police.record({"phone": f"number {at}"}) for at in range(20)))
    assert receipt.code == ""
    for one in trustees:
        one.send(one.report(phones(20)))
    strict = Tolerance(percent=0, free=0)
    assert evaluations(hub, strict).reconcile() == ()
    assert events(hub, EventKind.EVALUATIONS_DIFFER) == 0


def test_values_that_never_became_tokens_are_reported(hub: HubKit, trustees: list[Trustee]) -> None:
    police = hub.agency("police")
    hub.submit(police, police.record({"phone": "a number"}))
    for one in trustees:
        one.send(one.report(phones(500), EvaluationCount("police", Group.EMAIL, 1, 3)))
    (row,) = evaluations(hub, Tolerance(percent=0, free=10)).reconcile()
    assert (row.agency, row.group, row.evaluated, row.submitted, row.beyond) == (
        "police",
        "phone",
        500,
        1,
        489,
    )
    assert events(hub, EventKind.EVALUATIONS_DIFFER) == 1


def test_days_beyond_the_window_are_left_out(hub: HubKit, trustees: list[Trustee]) -> None:
    for one in trustees:
        one.send(one.report(phones(5_000)))
    assert len(evaluations(hub).reconcile()) == 1
    hub.clock.advance(31 * DAY)
    assert evaluations(hub).reconcile() == ()
