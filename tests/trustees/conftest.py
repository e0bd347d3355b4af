"""A development ceremony of two groups, a ledger on disk, and trustee 1 of 2 of 3."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from passerelle.clock import ManualClock
from passerelle.groups import Group
from passerelle.oprf import threshold
from passerelle.oprf.group import scalar
from passerelle.oprf.protocol import EvaluateRequest
from passerelle.oprf.threshold import BlindedBatch
from passerelle_trustee.ceremony import DevelopmentKeys, deal_for_development
from passerelle_trustee.evaluate import Evaluator
from passerelle_trustee.quota import Budgets, Quota
from passerelle_trustee.store import Ledger


@pytest.fixture(scope="session")
def dealt() -> DevelopmentKeys:
    drawn = iter(range(100, 200))
    return deal_for_development(
        ["demo"],
        groups=(Group.PHONE, Group.EMAIL),
        random_scalars=lambda count: b"".join(scalar(next(drawn)) for _ in range(count)),
    )


@pytest.fixture(scope="session")
def batch() -> BlindedBatch:
    return threshold.blind([b"one", b"two", b"three"])


@pytest.fixture
def asked(dealt: DevelopmentKeys, batch: BlindedBatch) -> EvaluateRequest:
    return threshold.request(dealt.keys.find("demo", Group.PHONE, 1), batch, (1, 2), bytes(16))


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger(tmp_path / "ledger.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def quota(ledger: Ledger, clock: ManualClock) -> Quota:
    budgets = Budgets({Group.PHONE: 10, Group.EMAIL: 4}, {("police", Group.EMAIL): 100})
    return Quota(ledger, budgets, clock)


@pytest.fixture
def trustee(dealt: DevelopmentKeys, quota: Quota) -> Evaluator:
    return Evaluator(dealt.books[0], quota)
