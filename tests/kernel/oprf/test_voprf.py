"""RFC 9497 beyond its vectors: batches, refusals, and what a `repr` shows."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passerelle.errors import PasserelleError
from passerelle.oprf import hashing, voprf
from passerelle.oprf.dleq import public_key
from passerelle.oprf.group import scalar, split
from passerelle.oprf.hashing import Mode

SECRET = scalar(2**252 - 3)


@settings(deadline=None)
@given(st.lists(st.binary(max_size=40), min_size=1, max_size=5))
def test_a_batch_gives_what_its_inputs_give_singly(inputs: list[bytes]) -> None:
    together = voprf.blind(inputs)
    outputs = voprf.finalise(together, voprf.evaluate(SECRET, together.elements))
    alone = [voprf.blind([item]) for item in inputs]
    assert list(outputs) == [voprf.finalise(one, voprf.evaluate(SECRET, one.elements))[0] for one in alone]
    assert all(len(output) == voprf.OUTPUT_BYTES for output in outputs)


def test_blinding_hides_equal_inputs() -> None:
    assert len(set(split(voprf.blind([b"same"] * 4).elements))) == 4


def test_modes_are_apart() -> None:
    outputs = set()
    for mode in Mode:
        batch = voprf.blind([b"x"], mode)
        outputs.add(voprf.finalise(batch, voprf.evaluate(SECRET, batch.elements)))
    assert len(outputs) == 2


def test_another_key_is_noticed() -> None:
    batch = voprf.blind([b"x"])
    evaluation = voprf.evaluate_and_prove(scalar(5), batch.elements)
    with pytest.raises(PasserelleError, match="oprf_proof_invalid"):
        voprf.verify(public_key(SECRET), batch, evaluation)


@pytest.mark.parametrize("inputs", [[], [b"x" * 65536]], ids=["none", "too long"])
def test_inputs_that_are_refused(inputs: list[bytes]) -> None:
    with pytest.raises(PasserelleError, match="oprf_input_invalid"):
        voprf.blind(inputs)


def test_answers_that_are_refused() -> None:
    batch = voprf.blind([b"x", b"y"])
    with pytest.raises(PasserelleError, match="oprf_input_invalid"):
        voprf.finalise(batch, batch.elements[:32])
    with pytest.raises(PasserelleError, match="oprf_element_invalid"):
        voprf.finalise(batch, bytes(64))
    with pytest.raises(PasserelleError, match="oprf_element_invalid") as caught:
        voprf.evaluate(SECRET, batch.elements[:32] + bytes(32))
    assert caught.value.detail == "element 1"


def test_nothing_secret_shows() -> None:
    batch = voprf.blind([b"a phone number"], blinds=scalar(4242))
    assert repr(batch) == "BlindedBatch(mode=<Mode.VOPRF: 1>)"


def test_keys_need_a_whole_seed() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        voprf.derive_key(b"short", b"", Mode.OPRF)


def test_a_seed_without_a_key_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voprf, "hash_to_scalar", lambda *_: bytes(32))
    with pytest.raises(PasserelleError, match="oprf_scalar_invalid"):
        voprf.derive_key(bytes(32), b"", Mode.OPRF)


def test_expansion_is_a_prefix_of_nothing() -> None:
    short = hashing.expand_message_xmd(b"m", b"t", 64)
    assert not hashing.expand_message_xmd(b"m", b"t", 200).startswith(short)
