"""What a trustee says it evaluated: everything billed, once it changed, until the hub has it."""

from __future__ import annotations

from pathlib import Path

import pytest

from passerelle.clock import DAY, ManualClock
from passerelle.codec.signed import decode_signed
from passerelle.errors import PasserelleError
from passerelle.evaluation_report import REPORT_TYPE, EvaluationReport, decode_report
from passerelle.identity import Identity, Role
from passerelle.oprf.protocol import EvaluateRequest
from passerelle.sign import Signed, SigningKey, verify
from passerelle_trustee.evaluate import Evaluator
from passerelle_trustee.quota import Quota
from passerelle_trustee.report import DAYS, Reporter

OVERSIGHT = Identity("oversight.example", Role.TRUSTEE, "oversight")


class Hub:
    """Takes reports, or is away."""

    def __init__(self, key: SigningKey) -> None:
        self.key, self.away = key, False
        self.reports: list[EvaluationReport] = []

    async def take(self, signed: Signed) -> None:
        if self.away:
            raise PasserelleError("peer_unavailable", "made to fail by a test")
        self.reports.append(decode_report(verify(signed, self.key.public, REPORT_TYPE)))


@pytest.fixture
def hub() -> Hub:
    return Hub(SigningKey.generate())


@pytest.fixture
def reporter(quota: Quota, clock: ManualClock, hub: Hub, tmp_path: Path) -> Reporter:
    return Reporter(identity=OVERSIGHT, quota=quota, key=hub.key, clock=clock, copies=tmp_path / "copies")


async def test_what_was_billed_is_reported_once(
    trustee: Evaluator, asked: EvaluateRequest, reporter: Reporter, hub: Hub
) -> None:
    assert await reporter.report(hub.take) == 0
    trustee.evaluate(agency="police", request=asked)
    assert await reporter.report(hub.take) == 1
    assert await reporter.report(hub.take) == 0
    (report,) = hub.reports
    assert [(row.agency, row.group, row.requests, row.elements) for row in report.counts] == [
        ("police", asked.group, 1, 3)
    ]


async def test_a_hub_that_was_away_hears_of_it_later(
    trustee: Evaluator, asked: EvaluateRequest, reporter: Reporter, hub: Hub, clock: ManualClock
) -> None:
    trustee.evaluate(agency="police", request=asked)
    hub.away = True
    with pytest.raises(PasserelleError):
        await reporter.report(hub.take)
    hub.away = False
    clock.advance((DAYS - 1) * DAY)
    assert await reporter.report(hub.take) == 1
    clock.advance(DAY)
    assert await reporter.report(hub.take) == 0


async def test_the_supervisor_gets_the_same_bytes(
    trustee: Evaluator, asked: EvaluateRequest, reporter: Reporter, hub: Hub, tmp_path: Path
) -> None:
    trustee.evaluate(agency="police", request=asked)
    await reporter.report(hub.take)
    (copy,) = (tmp_path / "copies").iterdir()
    signed = decode_signed(copy.read_bytes())
    assert decode_report(verify(signed, hub.key.public, REPORT_TYPE)) == hub.reports[0]
