"""The threshold protocol: every quorum gives the single key's output, every cheat is named."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passerelle.errors import PasserelleError
from passerelle.groups import Group
from passerelle.oprf import dleq, threshold, voprf
from passerelle.oprf.group import ristretto255, scalar, split
from passerelle.oprf.keys import Dealt, deal
from passerelle.oprf.protocol import MAX_ELEMENTS, EvaluateAnswer, EvaluateRequest
from passerelle.oprf.threshold import BlindedBatch, VerifiedAnswer

KEY = scalar(2**200 + 11)
ID = bytes(range(16))


def _asked(dealt: Dealt, batch: BlindedBatch, quorum: tuple[int, ...] = (1, 3)) -> EvaluateRequest:
    return threshold.request(dealt.info, batch, quorum, ID)


def _verified(dealt: Dealt, asked: EvaluateRequest) -> tuple[VerifiedAnswer, ...]:
    answers = (threshold.evaluate(dealt.shares[index - 1], asked) for index in asked.quorum)
    return tuple(threshold.verify(dealt.info, asked, answer) for answer in answers)


@settings(max_examples=15, deadline=None)
@given(st.integers(2, 4), st.integers(0, 2), st.lists(st.binary(max_size=20), min_size=1, max_size=4))
def test_every_quorum_gives_the_output_of_the_single_key(t: int, more: int, inputs: list[bytes]) -> None:
    coefficients = ristretto255().random_scalars(t)
    dealt = deal("d", Group.EMAIL, 1, 1, t, coefficients, t + more)
    batch = threshold.blind(inputs)
    single = voprf.finalise(batch, voprf.evaluate(coefficients[:32], batch.elements))
    for quorum in combinations(range(1, t + more + 1), t):
        verified = _verified(dealt, _asked(dealt, batch, quorum))
        assert threshold.finalise(batch, threshold.combine(verified)) == single


def test_the_order_of_answers_does_not_matter(dealt: Dealt, batch: BlindedBatch) -> None:
    verified = _verified(dealt, _asked(dealt, batch))
    assert threshold.combine(verified) == threshold.combine(verified[::-1])


def _change(**parts: Any) -> Callable[[EvaluateAnswer], EvaluateAnswer]:
    return lambda answer: replace(answer, **parts)


def _swapped(answer: EvaluateAnswer) -> EvaluateAnswer:
    first, second, third = split(answer.elements)
    return replace(answer, elements=second + first + third)


CHEATS: dict[str, tuple[Callable[[EvaluateAnswer], EvaluateAnswer], str]] = {
    "another element": (
        _change(elements=ristretto255().multiply_base(scalar(5)) * 3),
        "trustee_proof_invalid",
    ),
    "identities": (_change(elements=bytes(96)), "trustee_proof_invalid"),
    "swapped": (_swapped, "trustee_proof_invalid"),
    "another proof": (_change(proof=b"\x01" * 64), "trustee_proof_invalid"),
    "zero proof": (_change(proof=bytes(64)), "trustee_proof_invalid"),
    "one fewer": (
        lambda answer: replace(answer, elements=answer.elements[:-32]),
        "trustee_answer_mismatched",
    ),
    "another request": (_change(request_id=bytes(16)), "trustee_answer_mismatched"),
    "another generation": (_change(generation=2), "share_generation_mixed"),
}


@pytest.mark.parametrize("name", CHEATS)
def test_a_cheat_is_refused_and_named(dealt: Dealt, batch: BlindedBatch, name: str) -> None:
    cheat, code = CHEATS[name]
    asked = _asked(dealt, batch)
    with pytest.raises(PasserelleError, match=code) as caught:
        threshold.verify(dealt.info, asked, cheat(threshold.evaluate(dealt.shares[2], asked)))
    assert caught.value.detail.startswith("trustee 3: ")


def test_an_answer_under_another_key_is_refused(dealt: Dealt, batch: BlindedBatch) -> None:
    """A relay that evaluates under a key of its own could guess every token."""
    other = deal("test", Group.PHONE, 3, 1, 2, scalar(8) + scalar(9), 3)
    asked = _asked(dealt, batch)
    with pytest.raises(PasserelleError, match="trustee_proof_invalid"):
        threshold.verify(dealt.info, asked, threshold.evaluate(other.shares[0], asked))


def test_an_answer_cannot_pass_for_another_trustees(dealt: Dealt, batch: BlindedBatch) -> None:
    asked = _asked(dealt, batch)
    answer = threshold.evaluate(dealt.shares[0], asked)
    with pytest.raises(PasserelleError, match="trustee_proof_invalid"):
        threshold.verify(dealt.info, asked, replace(answer, index=3))
    with pytest.raises(PasserelleError, match="trustee_answer_mismatched"):
        threshold.verify(dealt.info, asked, replace(answer, index=2))


def test_an_answer_serves_one_quorum(dealt: Dealt, batch: BlindedBatch) -> None:
    answer = threshold.evaluate(dealt.shares[0], _asked(dealt, batch, (1, 2)))
    with pytest.raises(PasserelleError, match="trustee_proof_invalid"):
        threshold.verify(dealt.info, _asked(dealt, batch, (1, 3)), answer)


def test_shares_of_two_generations_do_not_mix(dealt: Dealt, batch: BlindedBatch) -> None:
    """Each proves itself, and the sum would be a wrong key; one refreshed trustee is enough to stop it."""
    fresh = deal("test", Group.PHONE, 3, 2, 2, KEY + scalar(5), 3)
    assert fresh.info.public_key == dealt.info.public_key
    old, new = _asked(dealt, batch), _asked(fresh, batch)
    with pytest.raises(PasserelleError, match="share_generation_unknown"):
        threshold.evaluate(fresh.shares[0], old)
    with pytest.raises(PasserelleError, match="share_generation_mixed"):
        threshold.verify(dealt.info, old, threshold.evaluate(fresh.shares[0], new))
    lying = replace(threshold.evaluate(fresh.shares[0], new), generation=1)
    with pytest.raises(PasserelleError, match="trustee_proof_invalid"):
        threshold.verify(dealt.info, old, lying)
    mixed = (_verified(dealt, old)[0], _verified(fresh, new)[1])
    with pytest.raises(PasserelleError, match="trustee_answer_mismatched"):
        threshold.combine(mixed)
    assert threshold.combine(_verified(dealt, old)) == threshold.combine(_verified(fresh, new))


def test_a_whole_quorum_is_needed(dealt: Dealt, batch: BlindedBatch) -> None:
    first, third = _verified(dealt, _asked(dealt, batch))
    other = _verified(dealt, _asked(dealt, threshold.blind([b"x"])))[1]
    for answers in ((), (first,), (first, first), (first, third, third), (first, other)):
        with pytest.raises(PasserelleError, match="trustee_answer_mismatched"):
            threshold.combine(answers)


def test_answers_that_cancel_are_refused(dealt: Dealt, batch: BlindedBatch) -> None:
    """Proofs exclude it; `combine` must not hand an identity on whoever made its arguments."""
    first, third = _verified(dealt, _asked(dealt, batch))
    opposite = replace(third, elements=ristretto255().multiply(scalar(-1), first.elements))
    with pytest.raises(PasserelleError, match="oprf_element_invalid"):
        threshold.combine((first, opposite))


def test_a_trustee_refuses_what_is_not_for_it(dealt: Dealt, batch: BlindedBatch) -> None:
    asked = _asked(dealt, batch)
    for change, code in (
        ({"quorum": (2, 3)}, "quorum_invalid"),
        ({"quorum": (1, 2, 3)}, "quorum_invalid"),
        ({"quorum": (1, 4)}, "quorum_invalid"),
        ({"domain": "other"}, "share_unknown"),
        ({"group": Group.EMAIL}, "share_unknown"),
        ({"epoch": 4}, "share_unknown"),
        ({"generation": 2}, "share_generation_unknown"),
    ):
        with pytest.raises(PasserelleError, match=code):
            threshold.evaluate(dealt.shares[0], replace(asked, **change))


@pytest.mark.parametrize("element", [bytes(32), b"\xff" * 32], ids=["identity", "undecodable"])
def test_a_trustee_refuses_bad_elements_by_position(
    dealt: Dealt, batch: BlindedBatch, element: bytes
) -> None:
    asked = replace(_asked(dealt, batch), elements=batch.elements + element)
    with pytest.raises(PasserelleError, match="oprf_element_invalid") as caught:
        threshold.evaluate(dealt.shares[0], asked)
    assert caught.value.detail == "element 3"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"request_id": b"short"}, "evaluate_request_invalid"),
        ({"domain": ""}, "evaluate_request_invalid"),
        ({"epoch": 0}, "evaluate_request_invalid"),
        ({"generation": 0}, "evaluate_request_invalid"),
        ({"elements": b""}, "evaluate_request_invalid"),
        ({"elements": bytes(33)}, "evaluate_request_invalid"),
        ({"elements": bytes(32 * (MAX_ELEMENTS + 1))}, "evaluate_request_too_large"),
        ({"quorum": ()}, "quorum_invalid"),
        ({"quorum": (2, 2)}, "quorum_invalid"),
        ({"quorum": (0, 1)}, "quorum_invalid"),
        ({"quorum": (1, 33)}, "quorum_invalid"),
    ],
    ids=str,
)
def test_malformed_requests_do_not_exist(
    dealt: Dealt, batch: BlindedBatch, change: dict[str, Any], code: str
) -> None:
    with pytest.raises(PasserelleError, match=code):
        replace(_asked(dealt, batch), **change)


@pytest.mark.parametrize("change", [{"elements": bytes(31)}, {"proof": b""}, {"request_id": b""}], ids=str)
def test_malformed_answers_do_not_exist(dealt: Dealt, batch: BlindedBatch, change: dict[str, Any]) -> None:
    answer = threshold.evaluate(dealt.shares[0], _asked(dealt, batch))
    with pytest.raises(PasserelleError, match="trustee_answer_mismatched"):
        replace(answer, **change)


def test_a_large_batch_goes_through_threads(dealt: Dealt) -> None:
    batch = threshold.blind([b"%d" % number for number in range(150)])
    asked = threshold.request(dealt.info, batch, (2, 3), os.urandom(16))
    outputs = threshold.finalise(batch, threshold.combine(_verified(dealt, asked)))
    assert outputs == voprf.finalise(batch, voprf.evaluate(KEY, batch.elements))


def test_proofs_are_checked_against_lambda_times_the_public_share(dealt: Dealt, batch: BlindedBatch) -> None:
    """Proving against Y_i itself (without λ_i) must not pass."""
    asked = _asked(dealt, batch)
    share = dealt.shares[0]
    plain = ristretto255().multiply(share.secret, asked.elements)
    public = dleq.public_key(share.secret)
    proof = dleq.prove(
        share.secret, public, asked.elements, plain, threshold._transcript(dealt.info, asked, 1)
    )
    with pytest.raises(PasserelleError, match="trustee_proof_invalid"):
        threshold.verify(dealt.info, asked, EvaluateAnswer(ID, 1, 1, plain, proof))
