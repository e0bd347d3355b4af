"""A listener that never asks for a certificate: what it still refuses, and that nobody becomes a caller."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
import grpc.aio
import pytest
from patience import PATIENCE

from passerelle.certificate import Usage
from passerelle.clock import SECOND, ManualClock
from passerelle.errors import PasserelleError
from passerelle.identity import Identity, Role
from passerelle.rpc.anonymous import WINDOW, AnonymousCall, AnonymousGate, Throttle, source
from passerelle.rpc.channel import open_channel
from passerelle.rpc.interceptor import peer
from passerelle.rpc.material import MemoryMaterial
from passerelle.rpc.rule import CallEvent, RpcRule, rule_table
from passerelle.rpc.server import create_anonymous_server
from passerelle.rpc.status import peer_errors
from passerelle_pki.authority import Authority

PKI = Identity("police.example", Role.PKI, "authority")
POLICE = Identity("police.example", Role.CONNECTOR, "police")
RULES = rule_table(
    RpcRule(f"/test.Open/{name}", frozenset(Role), "", "open", "control", "open.called", 100)
    for name in ("Echo", "Peer")
)


async def echo(request: bytes, _context: Any) -> bytes:
    return request


async def name_peer(_request: bytes, context: Any) -> bytes:
    return str(peer(context)).encode()


@dataclass
class Records:
    """Audit events, or a failure to take them."""

    events: list[CallEvent]
    fails: bool = False

    def record(self, event: CallEvent) -> None:
        if self.fails:
            raise OSError("full")
        self.events.append(event)


@dataclass
class Open:
    """A listener and what it recorded."""

    port: int
    roots: bytes
    records: Records
    material: Callable[..., MemoryMaterial]
    authority: Authority

    async def call(self, method: str, message: bytes = b"x", caller: MemoryMaterial | None = None) -> bytes:
        address = f"127.0.0.1:{self.port}"
        async with open_channel(address, PKI, self.roots, caller) as channel:
            raw: Any = channel
            with peer_errors():
                answer: bytes = await raw.unary_unary(method)(message, timeout=PATIENCE)
        return answer


@asynccontextmanager
async def listening(
    authority: Authority, material: Callable[..., MemoryMaterial], clock: ManualClock, each: int = 100
) -> AsyncIterator[Open]:
    records = Records([])
    gate = AnonymousGate(RULES, Throttle(clock, each), records)
    listener = create_anonymous_server("127.0.0.1:0", gate, material(authority, PKI, Usage.SERVER))
    handlers = {
        name: grpc.unary_unary_rpc_method_handler(behaviour)
        for name, behaviour in (("Echo", echo), ("Peer", name_peer), ("Unlisted", echo))
    }
    listener.server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Open", handlers),))
    await listener.start()
    try:
        yield Open(listener.port, authority.roots, records, material, authority)
    finally:
        await listener.stop(0)


@pytest.fixture
async def opened(
    authority: Callable[[str], Authority], material: Callable[..., MemoryMaterial], clock: ManualClock
) -> AsyncIterator[Open]:
    async with listening(authority("police.example"), material, clock) as made:
        yield made


@pytest.mark.integration
async def test_a_call_without_a_certificate_passes_and_is_audited(opened: Open) -> None:
    assert await opened.call("/test.Open/Echo") == b"x"
    assert [(event.caller, event.outcome) for event in opened.records.events] == [
        (None, "opened"),
        (None, "done"),
    ]


@pytest.mark.integration
async def test_a_certificate_that_is_offered_is_not_looked_at(opened: Open) -> None:
    """Nobody becomes a known caller here, not even with a good leaf."""
    mine = opened.material(opened.authority, POLICE, Usage.CLIENT)
    assert await opened.call("/test.Open/Echo", caller=mine) == b"x"
    with pytest.raises(PasserelleError, match="internal"):
        await opened.call("/test.Open/Peer", caller=mine)


@pytest.mark.integration
async def test_what_no_rule_names_and_what_is_too_large_is_refused(opened: Open) -> None:
    for method in ("/test.Open/Unlisted", "/test.Open/Absent"):
        with pytest.raises(PasserelleError, match="rpc_unknown"):
            await opened.call(method)
    with pytest.raises(PasserelleError, match="message_too_large"):
        await opened.call("/test.Open/Echo", b"x" * 101)
    assert [event.outcome for event in opened.records.events].count("rpc_unknown") == 2


@pytest.mark.integration
async def test_one_address_gets_its_share_of_a_minute(
    authority: Callable[[str], Authority], material: Callable[..., MemoryMaterial], clock: ManualClock
) -> None:
    async with listening(authority("police.example"), material, clock, each=2) as opened:
        for _ in range(2):
            await opened.call("/test.Open/Echo")
        with pytest.raises(PasserelleError, match="quota_exceeded"):
            await opened.call("/test.Open/Echo")
        clock.advance(WINDOW)
        assert await opened.call("/test.Open/Echo") == b"x"


def test_all_addresses_together_get_a_share_too() -> None:
    clock = ManualClock()
    throttle = Throttle(clock, each=2, total=3, window=10 * SECOND)
    for at in range(3):
        throttle.take(f"10.0.0.{at}", "control")
    with pytest.raises(PasserelleError, match="quota_exceeded"):
        throttle.take("10.0.0.9", "control")
    assert throttle.take("10.0.0.9", "renewals") is None  # type: ignore[func-returns-value]  # a budget of its own


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("ipv4:192.0.2.7:5001", "192.0.2.7"),
        ("ipv6:[2001:db8::1]:5001", "2001:db8::/64"),
        ("ipv6:%5B2001:db8::2%5D:5001", "2001:db8::/64"),
        ("ipv6:[fe80::1%25eth0]:5001", "fe80::/64"),
        ("ipv6:nonsense:1", "ipv6"),
        ("unix:", ""),
    ],
)
def test_the_source_of_a_call_is_its_address(name: str, address: str) -> None:
    assert source(name) == address


def test_an_audit_that_fails_at_the_end_is_only_logged() -> None:
    records = Records([], fails=True)
    gate = AnonymousGate(RULES, Throttle(ManualClock()), records)
    call = AnonymousCall(RULES["/test.Open/Echo"])
    gate.close(call, "done")
    assert gate.sweep() == 0
    assert call.certificate is None and records.events == []


class _Weak:
    """A connection below TLS 1.3."""

    def auth_context(self) -> dict[str, tuple[bytes, ...]]:
        return {"ssl_tls_version": (b"TLSv1.2",)}

    def peer(self) -> str:
        return "ipv4:192.0.2.7:1"


def test_weak_tls_is_refused() -> None:
    records = Records([])
    gate = AnonymousGate(RULES, Throttle(ManualClock()), records)
    with pytest.raises(PasserelleError, match="tls_too_weak"):
        gate.open("/test.Open/Echo", _Weak())  # type: ignore[arg-type]  # the two methods that are used
    assert [event.outcome for event in records.events] == ["tls_too_weak"]
