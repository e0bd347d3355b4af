"""The OPA adapter's own refusals; how it serves and fails is in tests/policies/test_engines.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from passerelle.errors import PasserelleError
from passerelle_hub.policy.opa import OpaAddress, OpaEngine


@pytest.mark.parametrize(
    "address",
    [
        OpaAddress(host="10.0.0.7"),
        OpaAddress(host="opa.example"),
        OpaAddress(certificate=Path("hub.pem")),
        OpaAddress(key=Path("hub.key")),
    ],
)
def test_addresses_that_are_refused(address: OpaAddress) -> None:
    with pytest.raises(PasserelleError) as refused:
        OpaEngine(address, "r")
    assert refused.value.code == "config_invalid"


@pytest.mark.parametrize(
    "address",
    [
        OpaAddress(),
        OpaAddress(host="localhost"),
        OpaAddress(host="::1"),
        OpaAddress(host="opa.example", ca=Path("ca")),
    ],
)
def test_addresses_that_are_taken(address: OpaAddress) -> None:
    engine = OpaEngine(address, "r")
    engine.close()
    assert engine is not None
