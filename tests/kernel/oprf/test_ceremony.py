"""Key ceremonies: whatever the sizes, any quorum gives one key; whoever cheats is named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passerelle.errors import PasserelleError
from passerelle.groups import Group
from passerelle.oprf import ceremony, threshold
from passerelle.oprf.ceremony import Culprit, Dealing, KeyName, Plan, Reveal
from passerelle.oprf.group import ELEMENT_BYTES, SCALAR_BYTES, scalar
from passerelle.oprf.keys import KeyShare

KEYS = (KeyName("ter", Group.EMAIL, 1), KeyName("ter", Group.PHONE, 1))
SALT = b"s" * 32
Shares = dict[int, tuple[KeyShare, ...]]


def plan(
    trustees: int, t: int, old: Shares | None = None, dealers: Sequence[int] = (), generation: int = 1
) -> Plan:
    infos = tuple(share.info for share in next(iter(old.values()))) if old else ()
    return Plan(
        ceremony=bytes(16),
        keys=KEYS,
        generation=generation,
        threshold=t,
        receivers=trustees,
        dealers=tuple(dealers) or tuple(range(1, trustees + 1)),
        old=infos,
    )


def dealings(agreed: Plan, old: Shares | None = None) -> dict[int, Dealing]:
    shares = old or {}
    return {at: ceremony.begin(agreed, at, SALT, shares.get(at, ())) for at in agreed.dealers}


def run(agreed: Plan, dealt: Mapping[int, Dealing]) -> Shares:
    """All steps, as honest trustees take them."""
    reveals = [ceremony.check_reveal(agreed, one.reveal.digest(agreed), one.reveal) for one in dealt.values()]
    made: Shares = {}
    for receiver in range(1, agreed.receivers + 1):
        received = {
            one.reveal.dealer: ceremony.check_sub_shares(
                agreed, one.reveal, receiver, one.sub_shares(receiver)
            )
            for one in dealt.values()
        }
        made[receiver] = ceremony.finish(agreed, receiver, reveals, received)
    return made


def output(shares: Shares, quorum: Sequence[int], at: int = 0) -> bytes:
    """What a connector gets for one value from a quorum."""
    info = shares[1][at].info
    batch = threshold.blind([b"a value"])
    request = threshold.request(info, batch, tuple(quorum), bytes(16))
    answers = [
        threshold.verify(info, request, threshold.evaluate(shares[one][at], request)) for one in quorum
    ]
    return threshold.finalise(batch, threshold.combine(answers))[0]


SIZES = st.integers(2, 5).flatmap(lambda n: st.tuples(st.just(n), st.integers(2, n)))


@settings(max_examples=12)
@given(SIZES)
def test_every_quorum_gives_the_same_output(sizes: tuple[int, int]) -> None:
    trustees, t = sizes
    agreed = plan(trustees, t)
    shares = run(agreed, dealings(agreed))
    outputs = {output(shares, quorum) for quorum in combinations(range(1, trustees + 1), t)}
    assert len(outputs) == 1
    assert output(shares, range(1, t + 1), at=1) not in outputs


@settings(max_examples=12)
@given(SIZES, SIZES)
def test_a_reshare_keeps_the_key_for_other_trustees(old: tuple[int, int], new: tuple[int, int]) -> None:
    first = plan(*old)
    before = run(first, dealings(first))
    dealers = range(old[0] - old[1] + 1, old[0] + 1)
    second = plan(*new, old=before, dealers=dealers, generation=2)
    after = run(second, dealings(second, before))
    assert [share.info.public_key for share in after[1]] == [share.info.public_key for share in before[1]]
    assert after[1][0].secret != before[1][0].secret
    assert output(after, range(1, new[1] + 1)) == output(before, range(1, old[1] + 1))


@pytest.fixture
def agreed() -> Plan:
    return plan(3, 2)


@pytest.fixture
def dealt(agreed: Plan) -> dict[int, Dealing]:
    return dealings(agreed)


def refused(agreed: Plan, commitment: bytes, reveal: Reveal) -> tuple[str, str]:
    with pytest.raises(PasserelleError) as refusal:
        ceremony.check_reveal(agreed, commitment, reveal)
    return refusal.value.code, refusal.value.detail


def test_another_reveal_than_committed_to_names_its_dealer(agreed: Plan, dealt: dict[int, Dealing]) -> None:
    other = ceremony.begin(agreed, 2, SALT).reveal
    code, detail = refused(agreed, dealt[2].reveal.digest(agreed), other)
    assert (code, detail) == ("ceremony_commitment_broken", "dealer 2")


def test_a_commitment_of_another_ceremony_does_not_serve(agreed: Plan, dealt: dict[int, Dealing]) -> None:
    elsewhere = replace(agreed, ceremony=b"x" * 16)
    code, _ = refused(elsewhere, dealt[1].reveal.digest(agreed), dealt[1].reveal)
    assert code == "ceremony_commitment_broken"


def test_a_dealer_that_copies_anothers_part_cannot_prove_it(agreed: Plan, dealt: dict[int, Dealing]) -> None:
    copied = replace(dealt[1].reveal, dealer=2)
    code, detail = refused(agreed, copied.digest(agreed), copied)
    assert code == "ceremony_proof_invalid"
    assert detail.startswith("dealer 2")


@pytest.mark.parametrize("part", [b"", bytes(2 * ELEMENT_BYTES), b"\xff" * (2 * ELEMENT_BYTES)])
def test_elements_that_are_none_are_refused(agreed: Plan, dealt: dict[int, Dealing], part: bytes) -> None:
    wrong = replace(dealt[1].reveal, commitments=(part, dealt[1].reveal.commitments[1]))
    assert refused(agreed, wrong.digest(agreed), wrong)[0] == "ceremony_proof_invalid"


def test_a_wrong_sub_share_names_its_dealer_and_is_judged(agreed: Plan, dealt: dict[int, Dealing]) -> None:
    reveal, right = dealt[3].reveal, dealt[3].sub_shares(1)
    wrong = right[:SCALAR_BYTES] + scalar(7)
    for bad in (wrong, b"", bytes(len(right)), dealt[3].sub_shares(2)):
        with pytest.raises(PasserelleError) as refusal:
            ceremony.check_sub_shares(agreed, reveal, 1, bad)
        assert refusal.value.code == "ceremony_sub_share_invalid"
        assert refusal.value.detail == "dealer 3, receiver 1"
        assert ceremony.judge(agreed, reveal, 1, bad) is Culprit.DEALER
    assert ceremony.judge(agreed, reveal, 1, None) is Culprit.DEALER
    assert ceremony.judge(agreed, reveal, 1, right) is Culprit.RECEIVER


def test_a_reshare_of_another_secret_is_refused(agreed: Plan, dealt: dict[int, Dealing]) -> None:
    before = run(agreed, dealt)
    second = plan(3, 2, old=before, dealers=(1, 3), generation=2)
    honest = dealings(second, before)
    other = ceremony.begin(agreed, 1, SALT)  # a fresh secret, proven well, instead of the share
    proofs = tuple(
        ceremony._possession(second, 1, part[:SCALAR_BYTES], shown[:ELEMENT_BYTES], scalar(9))
        for part, shown in zip(other.coefficients, other.reveal.commitments, strict=True)
    )
    wrong = replace(other.reveal, proofs=proofs)
    assert refused(second, wrong.digest(second), wrong)[0] == "ceremony_share_changed"
    assert ceremony.check_reveal(second, honest[1].reveal.digest(second), honest[1].reveal)


def test_nothing_is_finished_without_every_dealer(agreed: Plan, dealt: dict[int, Dealing]) -> None:
    reveals = [one.reveal for one in dealt.values()]
    received = {at: one.sub_shares(1) for at, one in dealt.items()}
    for some, shares in ((reveals[:2], received), (reveals, {1: received[1], 2: received[2]})):
        with pytest.raises(PasserelleError) as refusal:
            ceremony.finish(agreed, 1, some, shares)
        assert refusal.value.code == "ceremony_incomplete"


@pytest.mark.parametrize(
    "changes",
    [
        {"threshold": 1},
        {"threshold": 4},
        {"receivers": 33},
        {"generation": 0},
        {"ceremony": b"short"},
        {"keys": ()},
        {"keys": KEYS[::-1]},
        {"dealers": (1, 2)},
    ],
)
def test_a_plan_that_cannot_be_is_refused(agreed: Plan, changes: Mapping[str, object]) -> None:
    with pytest.raises(PasserelleError) as refusal:
        replace(agreed, **changes)  # type: ignore[arg-type]  # what a test changes is of many types
    assert refusal.value.code == "ceremony_plan_invalid"


def test_a_reshare_needs_a_later_generation_and_a_quorum(agreed: Plan, dealt: dict[int, Dealing]) -> None:
    before = run(agreed, dealt)
    with pytest.raises(PasserelleError) as refusal:
        plan(3, 2, old=before, dealers=(1, 2), generation=1)
    assert refusal.value.code == "ceremony_plan_invalid"
    with pytest.raises(PasserelleError) as refusal:
        plan(3, 2, old=before, dealers=(1, 2, 3), generation=2)
    assert refusal.value.code == "quorum_invalid"


def test_the_secret_parts_have_no_printable_form(dealt: dict[int, Dealing]) -> None:
    assert dealt[1].coefficients[0].hex() not in repr(dealt[1])
    assert "coefficients" not in repr(dealt[1])
