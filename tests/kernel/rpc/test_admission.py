"""Admission without a network: how many calls of one caller run at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from passerelle.certificate import Usage
from passerelle.errors import PasserelleError
from passerelle.identity import Identity, Role
from passerelle.rpc.admission import KEY_EXCHANGE, TLS_VERSION, Gatekeeper
from passerelle.rpc.rule import DONE

POLICE = Identity("police.example", Role.CONNECTOR, "police")
OTHERS = Identity("police.example", Role.CONNECTOR, "railway-police")
STREAM, UNARY = "/test.Echo/StreamStream", "/test.Echo/UnaryUnary"


@dataclass
class Shown:
    """A connection that shows a chain."""

    chain: bytes

    def auth_context(self) -> dict[str, Iterable[bytes]]:
        end = b"-----END CERTIFICATE-----\n"
        leaf, _, rest = self.chain.partition(end)
        return {
            "x509_pem_cert": [leaf + end],
            "x509_pem_cert_chain": [rest],
            "ssl_tls_version": [TLS_VERSION],
            "ssl_negotiated_key_exchange_group": [KEY_EXCHANGE],
        }


async def test_so_many_calls_of_one_kind_and_caller_run_at_once(world: Any, material: Any) -> None:
    parts = world.parts
    rules = {method: replace(rule, at_once=2) for method, rule in world.gate.rules.items()}
    gate = Gatekeeper(rules, parts, parts, parts, parts, parts.clock)
    police, others = (Shown(material(world.police, who, Usage.CLIENT).pair.chain) for who in (POLICE, OTHERS))

    def opened(method: str, shown: Any) -> Any:
        return gate.open(method, shown)

    first, second = opened(STREAM, police), opened(STREAM, police)
    for _ in range(2):
        with pytest.raises(PasserelleError, match="calls_too_many"):
            opened(STREAM, police)
    assert parts.outcomes()[-1] == "calls_too_many"
    opened(UNARY, police)
    opened(STREAM, others)
    gate.close(first, DONE)
    third = opened(STREAM, police)
    with pytest.raises(PasserelleError, match="calls_too_many"):
        opened(STREAM, police)
    for call in (second, third):
        gate.close(call, DONE)
    assert opened(STREAM, police)
