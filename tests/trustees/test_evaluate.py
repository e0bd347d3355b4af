"""A trustee without the network: answers verify, refusals cost what they should."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from passerelle.clock import DAY, ManualClock
from passerelle.errors import PasserelleError
from passerelle.groups import Group
from passerelle.oprf import threshold
from passerelle.oprf.protocol import EvaluateRequest, TrusteeDescription
from passerelle.oprf.threshold import BlindedBatch
from passerelle_trustee.ceremony import DevelopmentKeys
from passerelle_trustee.evaluate import Evaluator
from passerelle_trustee.quota import Budgets, Quota
from passerelle_trustee.store import Ledger


def _billed(quota: Quota, clock: ManualClock) -> int:
    return sum(count.elements for count in quota.counts(clock.now() // DAY))


def test_trustees_of_a_quorum_answer_together(
    dealt: DevelopmentKeys, batch: BlindedBatch, asked: EvaluateRequest, ledger: Ledger, clock: ManualClock
) -> None:
    quota = Quota(ledger, Budgets(), clock)
    info = dealt.keys.find("demo", Group.PHONE, 1)
    outputs = set()
    for number, quorum in enumerate(((1, 2), (1, 3), (2, 3))):
        request = replace(asked, quorum=quorum, request_id=bytes(15) + bytes([number]))
        trustees = (Evaluator(dealt.books[index - 1], quota) for index in quorum)
        answers = [trustee.evaluate(agency="customs", request=request) for trustee in trustees]
        verified = [threshold.verify(info, request, answer) for answer in answers]
        outputs.add(threshold.finalise(batch, threshold.combine(verified)))
    assert len(outputs) == 1


def test_an_evaluation_is_billed(
    trustee: Evaluator, quota: Quota, clock: ManualClock, asked: EvaluateRequest
) -> None:
    trustee.evaluate(agency="customs", request=asked)
    trustee.evaluate(agency="customs", request=asked)
    assert _billed(quota, clock) == 3


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"domain": "other"}, "share_unknown"),
        ({"group": Group.WALLET}, "share_unknown"),
        ({"epoch": 2}, "share_unknown"),
        ({"generation": 2}, "share_generation_unknown"),
        ({"quorum": (2, 3)}, "quorum_invalid"),
        ({"quorum": (1, 2, 3)}, "quorum_invalid"),
        ({"quorum": (1, 4)}, "quorum_invalid"),
    ],
    ids=str,
)
def test_a_request_for_somebody_else_costs_nothing(
    trustee: Evaluator,
    quota: Quota,
    clock: ManualClock,
    asked: EvaluateRequest,
    change: dict[str, Any],
    code: str,
) -> None:
    with pytest.raises(PasserelleError, match=code):
        trustee.evaluate(agency="customs", request=replace(asked, **change))
    assert _billed(quota, clock) == 0


def test_elements_that_do_not_decode_are_refused_and_billed(
    trustee: Evaluator, quota: Quota, clock: ManualClock, asked: EvaluateRequest
) -> None:
    with pytest.raises(PasserelleError, match="oprf_element_invalid"):
        trustee.evaluate(agency="customs", request=replace(asked, elements=b"\xff" * 64))
    assert _billed(quota, clock) == 2


def test_nothing_is_evaluated_beyond_the_budget(trustee: Evaluator, asked: EvaluateRequest) -> None:
    with pytest.raises(PasserelleError, match="evaluation_budget_exceeded"):
        trustee.evaluate(agency="customs", request=replace(asked, elements=asked.elements * 4))


def test_a_trustee_describes_public_things_only(trustee: Evaluator, dealt: DevelopmentKeys) -> None:
    description = trustee.describe()
    assert description == TrusteeDescription(1, dealt.keys.keys)
    secrets = [share.secret.hex() for share in dealt.books[0].shares]
    documents = "".join(key.to_json() for key in description.keys)
    assert not any(secret in documents for secret in secrets)
