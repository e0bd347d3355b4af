"""The vectors of RFC 9497 (A.1, modes OPRF and VOPRF) and of RFC 9380's message expansion."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from passerelle.oprf import voprf
from passerelle.oprf.dleq import public_key
from passerelle.oprf.hashing import Mode, context_string, expand_message_xmd

VECTORS = Path(__file__).resolve().parents[2] / "vectors"
SUITES: list[dict[str, Any]] = json.loads((VECTORS / "rfc9497-ristretto255-sha512.json").read_text("utf-8"))
EXPAND: dict[str, Any] = json.loads((VECTORS / "rfc9380-expand-message-xmd-sha512.json").read_text("utf-8"))
CASES = [
    pytest.param(suite, vector, id=f"{Mode(suite['mode']).name}-{number}")
    for suite in SUITES
    for number, vector in enumerate(suite["vectors"])
]


def _items(text: str) -> list[bytes]:
    return [bytes.fromhex(part) for part in text.split(",")]


def _column(text: str) -> bytes:
    return b"".join(_items(text))


def test_the_file_holds_both_modes() -> None:
    assert [suite["mode"] for suite in SUITES] == [Mode.OPRF, Mode.VOPRF]
    assert [len(suite["vectors"]) for suite in SUITES] == [2, 3]


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: Mode(suite["mode"]).name)
def test_keys_are_derived_as_the_rfc_says(suite: dict[str, Any]) -> None:
    secret = voprf.derive_key(
        bytes.fromhex(suite["seed"]), bytes.fromhex(suite["keyInfo"]), Mode(suite["mode"])
    )
    assert secret.hex() == suite["skSm"]
    assert "pkSm" not in suite or public_key(secret).hex() == suite["pkSm"]
    assert (b"HashToGroup-" + context_string(Mode(suite["mode"]))).hex() == suite["groupDST"]


@pytest.mark.parametrize(("suite", "vector"), CASES)
def test_blinding_and_output(suite: dict[str, Any], vector: dict[str, Any]) -> None:
    batch = voprf.blind(_items(vector["Input"]), Mode(suite["mode"]), _column(vector["Blind"]))
    assert batch.elements == _column(vector["BlindedElement"])
    evaluated = voprf.evaluate(bytes.fromhex(suite["skSm"]), batch.elements)
    assert evaluated == _column(vector["EvaluationElement"])
    assert list(voprf.finalise(batch, evaluated)) == _items(vector["Output"])


@pytest.mark.parametrize(("suite", "vector"), [case for case in CASES if case.values[0] is SUITES[1]])
def test_proofs_are_those_of_the_rfc_and_verify(suite: dict[str, Any], vector: dict[str, Any]) -> None:
    batch = voprf.blind(_items(vector["Input"]), Mode.VOPRF, _column(vector["Blind"]))
    nonce = bytes.fromhex(vector["Proof"]["r"])
    evaluation = voprf.evaluate_and_prove(bytes.fromhex(suite["skSm"]), batch.elements, nonce)
    assert evaluation.proof.hex() == vector["Proof"]["proof"]
    assert voprf.verify(bytes.fromhex(suite["pkSm"]), batch, evaluation) == evaluation.elements


@pytest.mark.parametrize("vector", EXPAND["vectors"])
def test_expansion_of_messages(vector: dict[str, Any]) -> None:
    expanded = expand_message_xmd(vector["message"].encode(), vector["dst"].encode(), vector["length"])
    assert expanded.hex() == vector["uniform"]


@pytest.mark.parametrize(("tag", "length"), [(b"x" * 256, 32), (b"x", 0), (b"x", 255 * 64 + 1)])
def test_expansion_refuses_what_it_cannot_encode(tag: bytes, length: int) -> None:
    with pytest.raises(ValueError, match="out of range"):
        expand_message_xmd(b"", tag, length)
