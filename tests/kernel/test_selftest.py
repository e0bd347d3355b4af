"""The self-test passes here, and names what is missing elsewhere."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from cryptography.exceptions import UnsupportedAlgorithm

from passerelle import selftest
from passerelle.errors import PasserelleError


def _fails(error: Exception) -> Callable[[], bool]:
    def probe() -> bool:
        raise error

    return probe


def test_this_installation_passes() -> None:
    selftest.selftest()
    assert len(selftest.PROBES) == 2


@pytest.mark.parametrize(
    "error",
    [
        UnsupportedAlgorithm("ML-DSA-65 is not supported by this backend."),
        AttributeError("MLKEM768_X25519"),
        ValueError("wrong result"),
        PasserelleError("signature_invalid"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_failure_names_the_algorithm_and_the_library(error: Exception) -> None:
    with pytest.raises(PasserelleError) as refusal:
        selftest.selftest((("ML-DSA-65", _fails(error)),))
    assert refusal.value.code == "crypto_unsupported"
    assert refusal.value.detail.startswith("ML-DSA-65: ")
    assert "OpenSSL" in refusal.value.detail


def test_a_wrong_result_is_a_failure() -> None:
    with pytest.raises(PasserelleError) as refusal:
        selftest.selftest((("HPKE", lambda: False),))
    assert refusal.value.code == "crypto_unsupported"
    assert "wrong result" in refusal.value.detail
