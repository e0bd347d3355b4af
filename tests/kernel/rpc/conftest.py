"""A listener and callers over loopback TLS, with clock, standing and budget that tests change.

TLS itself goes by the machine's clock, so certificates are made at its time.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc.aio
import pytest

from passerelle.certificate import Usage
from passerelle.clock import ManualClock, SystemClock
from passerelle.csr import key_pem, make_request, new_key
from passerelle.errors import PasserelleError
from passerelle.identity import Identity, Role
from passerelle.rpc.admission import Gatekeeper
from passerelle.rpc.channel import ChannelLimits, open_channel
from passerelle.rpc.material import MemoryMaterial, TlsBytes
from passerelle.rpc.rule import CallEvent, RpcRule, rule_table
from passerelle.rpc.server import Listener, ServerLimits, create_server
from passerelle_pki.authority import Authority
from passerelle_pki.ceremony import create_authority

HUB = Identity("hub.example", Role.HUB, "centre")
POLICE = Identity("police.example", Role.CONNECTOR, "police")
TRUSTEE = Identity("police.example", Role.TRUSTEE, "police-trustee")
SERVICE = "test.Echo"
SHAPES = ("UnaryUnary", "UnaryStream", "StreamUnary", "StreamStream")
MAX_BYTES = 1000


def leaf(authority: Authority, identity: Identity, usage: Usage) -> MemoryMaterial:
    """A fresh leaf and its key."""
    key = new_key()
    chain = authority.issue_leaf(identity, make_request(key, identity, usage), usage)
    return MemoryMaterial(TlsBytes(key_pem(key), chain))


@dataclass
class Parts:
    """Our own seams of admission, as tests see and change them."""

    domains: dict[str, bytes]
    clock: ManualClock
    refused: dict[Identity, str] = field(default_factory=dict)
    budget: int = 1_000_000
    taken: list[tuple[Identity, str, int]] = field(default_factory=list)
    events: list[CallEvent] = field(default_factory=list)

    def roots(self, trust_domain: str) -> bytes:
        if trust_domain not in self.domains:
            raise PasserelleError("trust_domain_unknown", trust_domain)
        return self.domains[trust_domain]

    def bundle(self) -> bytes:
        return b"".join(self.domains.values())

    def check(self, identity: Identity, serial: int, issuer: int = 0) -> None:
        assert serial > 0
        if identity in self.refused:
            raise PasserelleError(self.refused[identity], str(identity))

    def take(self, caller: Identity, rule: RpcRule, size: int) -> None:
        self.taken.append((caller, rule.quota, size))
        self.budget -= size
        if self.budget < 0:
            raise PasserelleError("quota_exceeded", str(caller))

    def record(self, event: CallEvent) -> None:
        self.events.append(event)

    def outcomes(self) -> list[str]:
        return [event.outcome for event in self.events]


@dataclass
class World:
    """Two trust domains, a hub's listener and what may call it."""

    hub: Authority
    police: Authority
    parts: Parts
    gate: Gatekeeper

    @asynccontextmanager
    async def listening(
        self,
        handlers: dict[str, grpc.RpcMethodHandler[Any, Any]],
        limits: ServerLimits | None = None,
        server: MemoryMaterial | None = None,
    ) -> AsyncIterator[Listener]:
        listener = create_server(
            "127.0.0.1:0", self.gate, server or leaf(self.hub, HUB, Usage.SERVER), limits
        )
        generic = grpc.method_handlers_generic_handler(SERVICE, handlers)
        listener.server.add_generic_rpc_handlers((generic,))
        await listener.start()
        try:
            yield listener
        finally:
            await listener.stop(0)

    @asynccontextmanager
    async def calling(
        self,
        listener: Listener,
        caller: MemoryMaterial | None = None,
        server: Identity = HUB,
        roots: bytes | None = None,
        limits: ChannelLimits | None = None,
    ) -> AsyncIterator[grpc.aio.Channel]:
        async with open_channel(
            f"127.0.0.1:{listener.port}",
            server,
            roots or self.hub.roots,
            caller or leaf(self.police, POLICE, Usage.CLIENT),
            limits,
        ) as channel:
            yield channel


def rules() -> tuple[RpcRule, ...]:
    return tuple(
        RpcRule(
            method=f"/{SERVICE}/{shape}",
            roles=frozenset({Role.CONNECTOR}),
            package="admin",
            action="echo",
            quota="control",
            event="echo.called",
            max_request_bytes=MAX_BYTES,
        )
        for shape in SHAPES
    )


@pytest.fixture
def clock() -> ManualClock:
    """Starts at the machine's time, which TLS goes by, and then moves only when told."""
    return ManualClock(SystemClock().now())


@pytest.fixture
def authority(tmp_path: Path, clock: ManualClock) -> Callable[[str], Authority]:
    return lambda domain: create_authority(
        tmp_path / f"{domain}-{len(list(tmp_path.iterdir()))}", domain, clock
    )


@pytest.fixture
def world(authority: Callable[[str], Authority], clock: ManualClock) -> World:
    hub, police = authority("hub.example"), authority("police.example")
    parts = Parts({"hub.example": hub.roots, "police.example": police.roots}, clock)
    return World(hub, police, parts, Gatekeeper(rule_table(rules()), parts, parts, parts, parts, clock))


@pytest.fixture(name="material")
def material_fixture() -> Callable[[Authority, Identity, Usage], MemoryMaterial]:
    """Makes a fresh leaf and its key."""
    return leaf
