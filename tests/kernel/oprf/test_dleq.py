"""Proofs: what is proved verifies, and any change anywhere does not."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passerelle.errors import PasserelleError
from passerelle.oprf import dleq
from passerelle.oprf.group import IDENTITY, ORDER, ristretto255, scalar, split
from passerelle.oprf.hashing import Mode, context_string

BOUND = dleq.BoundTranscript(b"a statement")
RFC = dleq.RfcTranscript(context_string(Mode.VOPRF))
KEY = scalar(2**251 - 9)
PUBLIC = dleq.public_key(KEY)
C = ristretto255().multiply_base(scalar(3) + scalar(4) + scalar(5))
D = ristretto255().multiply(KEY, C)
both = pytest.mark.parametrize("transcript", [BOUND, RFC], ids=["bound", "rfc"])


@both
def test_what_is_proved_verifies(transcript: dleq.Transcript) -> None:
    proof = dleq.prove(KEY, PUBLIC, C, D, transcript)
    assert dleq.verify(PUBLIC, C, D, proof, transcript) == D
    assert proof != dleq.prove(KEY, PUBLIC, C, D, transcript)


@both
@settings(deadline=None)
@given(at=st.integers(0, 511))
def test_no_bit_of_a_proof_can_change(transcript: dleq.Transcript, at: int) -> None:
    proof = bytearray(dleq.prove(KEY, PUBLIC, C, D, transcript, nonce=scalar(77)))
    proof[at // 8] ^= 1 << at % 8
    with pytest.raises(PasserelleError, match="oprf_proof_invalid"):
        dleq.verify(PUBLIC, C, D, bytes(proof), transcript)


@both
def test_nothing_of_the_statement_can_change(transcript: dleq.Transcript) -> None:
    proof = dleq.prove(KEY, PUBLIC, C, D, transcript)
    first, second, third = split(D)
    group = ristretto255()
    error, opposite = C[:32], group.multiply(scalar(-1), C[:32])
    cases = {
        "swapped": (PUBLIC, C, second + first + third),
        "both swapped": (PUBLIC, split(C)[1] + split(C)[0] + split(C)[2], second + first + third),
        "another element": (PUBLIC, C, group.multiply_base(scalar(8)) + second + third),
        "errors that cancel": (PUBLIC, C, group.add(first, error) + group.add(second, opposite) + third),
        "another key": (group.multiply_base(scalar(8)), C, D),
        "one fewer": (PUBLIC, C[:64], D[:64]),
        "unequal": (PUBLIC, C, D[:64]),
        "identity": (PUBLIC, C, IDENTITY + second + third),
        "undecodable": (PUBLIC, C, b"\xff" * 32 + second + third),
    }
    for name, (public, c, d) in cases.items():
        with pytest.raises(PasserelleError, match="oprf_proof_invalid"):
            pytest.fail(f"{name}: {dleq.verify(public, c, d, proof, transcript)!r}")


def test_a_proof_serves_one_context() -> None:
    proof = dleq.prove(KEY, PUBLIC, C, D, BOUND)
    for other in (dleq.BoundTranscript(b"another statement"), RFC):
        with pytest.raises(PasserelleError, match="oprf_proof_invalid"):
            dleq.verify(PUBLIC, C, D, proof, other)


@pytest.mark.parametrize("part", [scalar(0), ORDER.to_bytes(32, "little"), b""])
def test_parts_of_a_proof_are_canonical(part: bytes) -> None:
    proof = dleq.prove(KEY, PUBLIC, C, D, BOUND)
    for bad in (part + proof[32:], proof[:32] + part):
        with pytest.raises(PasserelleError, match="oprf_proof_invalid"):
            dleq.verify(PUBLIC, C, D, bad, BOUND)


def test_a_bound_weight_depends_on_every_element() -> None:
    """The reason for our transcript: a prover must not be able to choose answers position by position."""
    before = split(BOUND.weights(PUBLIC, C, D))
    after = split(BOUND.weights(PUBLIC, C, D[:64] + D[:32]))
    assert not set(before) & set(after)
    assert len(set(before)) == 3
    assert all(weight[dleq.WEIGHT_BYTES :] == bytes(16) for weight in before)


def test_a_weight_of_the_rfc_depends_on_its_own_pair_only() -> None:
    before = split(RFC.weights(PUBLIC, C, D))
    after = split(RFC.weights(PUBLIC, C, D[:64] + D[:32]))
    assert before[:2] == after[:2]
    assert before[2] != after[2]
