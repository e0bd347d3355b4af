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
        OpaAddress(socket=Path("/run/opa.sock"), ca=Path("ca.pem")),
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
        OpaAddress(socket=Path("/run/opa.sock")),
    ],
)
def test_addresses_that_are_taken(address: OpaAddress) -> None:
    engine = OpaEngine(address, "r")
    engine.close()
    assert engine is not None


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:8181", OpaAddress(port=8181, connections=3)),
        ("[::1]:9", OpaAddress(host="::1", port=9, connections=3)),
        (
            "unix:///run/passerelle/opa.sock",
            OpaAddress(socket=Path("/run/passerelle/opa.sock"), connections=3),
        ),
    ],
)
def test_an_address_of_the_configuration(text: str, address: OpaAddress) -> None:
    assert OpaAddress.parse(text, connections=3) == address


@pytest.mark.parametrize(
    "text", ["", "8181", ":8181", "localhost:", "localhost:x", "unix://opa.sock", "unix://"]
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(PasserelleError) as refused:
        OpaAddress.parse(text, connections=1)
    assert refused.value.code == "config_invalid"
