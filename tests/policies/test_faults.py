"""Both engines when something is wrong: down, slow, undefined, malformed, another revision, unsigned rules.

Each time the decision is a denial `policy_unavailable` with an alarm, and once the engine is well again the
next decision is made without a restart of the hub. The processes are real and really killed.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Protocol

import pytest
from opa_kit import BOTH, OpaBench, OpaServer, Signer, halt
from patience import PATIENCE

from passerelle.clock import ManualClock
from passerelle_hub.policy.bundle import Bundle, Module
from passerelle_hub.policy.decide import Decider
from passerelle_hub.policy.embedded import EmbeddedEngine
from passerelle_hub.policy.engine import Engine
from passerelle_hub.policy.memory import Settings
from passerelle_hub.policy.model import Decision
from passerelle_hub.policy.opa import OpaAddress, OpaEngine
from passerelle_hub.policy.projection import projection

pytestmark = pytest.mark.integration

READ: dict[str, Any] = {
    "schema": 1,
    "action": "directory.read",
    "subject": {"agency": "police", "role": "connector"},
    "context": {},
}
DEADLINE = 1.0
CALLERS = 24
ODD = """package passerelle.odd

import rego.v1

answer := {"schema": 1, "allow": true, "grants": ["any"], "reasons": [], "obligations": [], "redactions": []}

decisions := {id: object.union(object.union(answer, data.revision), twisted[request.action]) |
    some id, request in input.requests
}

twisted := {
    "good": {},
    "truthy": {"allow": "true"},
    "undefined text": {"allow": "<undefined>"},
    "extra": {"note": "hello"},
    "unknown obligation": {"obligations": [{"type": "sing", "value": true}]},
    "older rules": {"policy_revision": "another"},
    "no grant": {"grants": []},
}
"""
TWISTED = ["truthy", "undefined text", "extra", "unknown obligation", "older rules", "no grant", "undefined"]


class Rig(Protocol):
    """An engine whose process a test can hurt."""

    @property
    def engine(self) -> Engine:
        """What the hub asks."""
        ...

    def kill(self) -> None:
        """End the process at once."""

    def stop(self) -> None:
        """Halt it: it answers nothing, and holds what it has."""

    def mend(self) -> None:
        """What an operator, or the operating system, does then; the hub is not touched."""


@dataclass
class EmbeddedRig:
    """The child process; the hub itself replaces it."""

    child: EmbeddedEngine

    @property
    def engine(self) -> Engine:
        return self.child

    def _pid(self) -> int:
        (pid,) = self.child.pids
        assert pid is not None
        return pid

    def kill(self) -> None:
        os.kill(self._pid(), signal.SIGKILL)

    def stop(self) -> None:
        halt(self._pid())

    def mend(self) -> None:
        """Nothing to do: a child that missed its deadline was killed and is replaced."""


@dataclass
class OpaRig:
    """The server; a service manager starts it again, or it goes on by itself."""

    client: OpaEngine
    server: OpaServer
    halted: bool = False

    @property
    def engine(self) -> Engine:
        return self.client

    def kill(self) -> None:
        self.server.kill()

    def stop(self) -> None:
        self.server.stop()
        self.halted = True

    def mend(self) -> None:
        if self.halted:
            self.server.go_on()
        else:
            self.server.serve(self.client)


@dataclass
class Watched:
    """A decider with its alarms."""

    decider: Decider
    alarms: list[str] = field(default_factory=list[str])

    def ask(self, package: str, given: dict[str, Any]) -> Decision:
        (decision,) = self.decider.decide_batch(package, [given])
        return decision


def watched(engine: Engine, bundle: Bundle) -> Watched:
    alarms: list[str] = []
    clock, settings = ManualClock(), Settings(allow_lives=0)
    decider = Decider(
        engine, bundle, clock=clock, settings=settings, alarm=lambda _, said: alarms.append(said)
    )
    return Watched(decider, alarms)


def odd(bundle: Bundle) -> Bundle:
    """A bundle whose answers break the contract on request."""
    fields = {"action": "value"}
    schema = {"type": "object", "additionalProperties": False, "properties": {"action": {"type": "string"}}}
    return replace(
        bundle,
        modules=(Module("odd.rego", ODD),),
        tests=(),
        projections={"odd": projection("odd", {"cache": True, "fields": fields})},
        input_schemas={"odd": schema},
    )


def made(kind: str, bundle: Bundle, request: pytest.FixtureRequest) -> Iterator[Rig]:
    if kind == "embedded":
        child = EmbeddedEngine(bundle, deadline=DEADLINE)
        child.warm()
        yield EmbeddedRig(child)
        child.close()
        return
    bench: OpaBench = request.getfixturevalue("opa_bench")
    server = bench.server(bundle)
    engine = OpaEngine(OpaAddress(port=server.port, timeout=DEADLINE), bundle.revision)
    server.serve(engine)
    yield OpaRig(engine, server)
    engine.close()
    with suppress(AssertionError):
        server.go_on()
    server.kill()


@pytest.fixture(params=BOTH)
def rig(request: pytest.FixtureRequest, bundle: Bundle) -> Iterator[Rig]:
    yield from made(str(request.param), bundle, request)


@pytest.fixture(params=BOTH)
def odd_rig(request: pytest.FixtureRequest, bundle: Bundle) -> Iterator[Rig]:
    yield from made(str(request.param), odd(bundle), request)


def test_a_killed_engine_is_a_denial_and_an_alarm_then_it_recovers(rig: Rig, bundle: Bundle) -> None:
    hub = watched(rig.engine, bundle)
    assert hub.ask("admin", READ).allow
    rig.kill()
    denied = hub.ask("admin", READ)
    assert (denied.allow, denied.reason_codes) == (False, ("policy_unavailable",))
    assert hub.alarms[0].startswith("policy_engine_down")
    rig.mend()
    assert hub.ask("admin", READ).allow


def test_a_slow_engine_is_a_denial_and_an_alarm_then_it_recovers(rig: Rig, bundle: Bundle) -> None:
    hub = watched(rig.engine, bundle)
    assert hub.ask("admin", READ).allow
    rig.stop()
    denied = hub.ask("admin", READ)
    assert (denied.allow, denied.reason_codes) == (False, ("policy_unavailable",))
    assert hub.alarms[0].startswith("policy_engine_down")
    rig.mend()
    assert hub.ask("admin", READ).allow


def test_an_engine_on_another_revision_decides_nothing(rig: Rig, bundle: Bundle) -> None:
    newer = replace(bundle, policy_revision="f" * 32)
    hub = watched(rig.engine, newer)
    denied = hub.ask("admin", READ)
    assert (denied.allow, denied.reason_codes) == (False, ("policy_unavailable",))
    assert hub.alarms
    assert watched(rig.engine, bundle).ask("admin", READ).allow


@pytest.mark.parametrize("action", TWISTED)
def test_an_answer_out_of_contract_is_a_denial_and_an_alarm(
    action: str, odd_rig: Rig, bundle: Bundle
) -> None:
    hub = watched(odd_rig.engine, odd(bundle))
    denied = hub.ask("odd", {"action": action})
    assert (denied.allow, denied.reason_codes) == (False, ("policy_unavailable",))
    assert hub.alarms
    assert hub.ask("odd", {"action": "good"}).allow


@pytest.mark.journey
@pytest.mark.parametrize("fault", ["unsigned", "signed by another"])
def test_opa_serves_no_rules_that_the_operators_did_not_sign(
    fault: str, bundle: Bundle, opa_bench: OpaBench, tmp_path: Path
) -> None:
    """The bundle is never activated, so every rule is undefined."""
    stranger = Signer(opa_bench.binary, tmp_path / "keys")
    archive = stranger.build(bundle, tmp_path / "bundle.tar.gz", signed=fault != "unsigned")
    server = OpaServer(opa_bench.binary, tmp_path, archive, opa_bench.signer.public)
    engine = OpaEngine(OpaAddress(port=server.port, timeout=DEADLINE), bundle.revision)
    hub = watched(engine, bundle)
    server.start()
    try:
        denied = hub.ask("admin", READ)
        assert (denied.allow, denied.reason_codes) == (False, ("policy_unavailable",))
        assert hub.alarms
        assert not engine.healthy()
    finally:
        engine.close()
        server.kill()


class Impostor(BaseHTTPRequestHandler):
    """Answers every question with the same bytes."""

    body = b""
    status = 200

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.send_response(self.status)
        self.send_header("content-length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.mark.journey
@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b"<html>a proxy's page</html>"),
        (200, b"true"),
        (200, b'{"result": true}'),
        (200, b'{"result": {"0": {"allow": true}}}'),
        (200, b"{}"),
        (404, b"{}"),
        (500, b'{"code": "internal_error"}'),
        (503, b""),
    ],
)
def test_whatever_else_listens_on_the_port_decides_nothing(status: int, body: bytes, bundle: Bundle) -> None:
    impostor = type("One", (Impostor,), {"body": body, "status": status})
    server = ThreadingHTTPServer(("127.0.0.1", 0), impostor)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    engine = OpaEngine(OpaAddress(port=server.server_port, timeout=DEADLINE), bundle.revision)
    try:
        hub = watched(engine, bundle)
        denied = hub.ask("admin", READ)
        assert (denied.allow, denied.reason_codes) == (False, ("policy_unavailable",))
        assert hub.alarms
    finally:
        engine.close()
        server.shutdown()
        server.server_close()


HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n"


@contextmanager
def dripping(said: bytes) -> Generator[int]:
    """A server that answers at once with `said`, then with one byte every tenth of a second; its port."""
    over = threading.Event()

    def serve(listening: socket.socket) -> None:
        with suppress(OSError):
            while not over.is_set():
                peer, _ = listening.accept()
                with peer, suppress(OSError):
                    peer.recv(1 << 16)
                    peer.sendall(said)
                    while not over.wait(0.1):
                        peer.sendall(b" ")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, args=(listening,), daemon=True)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            over.set()
            listening.shutdown(socket.SHUT_RDWR)
            thread.join(timeout=5)


@pytest.mark.journey
@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\nx-slow: ", HEAD, HEAD + b'{"result": {'])
def test_a_server_that_drips_bytes_is_given_up_at_the_deadline(said: bytes, bundle: Bundle) -> None:
    with dripping(said) as port:
        engine = OpaEngine(OpaAddress(port=port, timeout=DEADLINE), bundle.revision)
        try:
            hub = watched(engine, bundle)
            began = time.monotonic()
            denied = hub.ask("admin", READ)
            assert (denied.allow, denied.reason_codes) == (False, ("policy_unavailable",))
            assert DEADLINE <= time.monotonic() - began < PATIENCE  # the bytes would drip for ever
            assert hub.alarms == ["policy_engine_down: Timeout"]
        finally:
            engine.close()


@pytest.mark.journey
def test_large_batches_that_wait_for_a_connection_are_given_up_at_the_deadline_too(bundle: Bundle) -> None:
    asked = [{**READ, "context": {"age_days": at}} for at in range(200)]
    with dripping(HEAD) as port:
        engine = OpaEngine(OpaAddress(port=port, timeout=DEADLINE, connections=2), bundle.revision)
        try:
            decider = watched(engine, bundle).decider
            began = time.monotonic()
            with ThreadPoolExecutor(CALLERS) as callers:
                made = list(callers.map(lambda _: decider.decide_batch("admin", asked), range(CALLERS)))
            assert time.monotonic() - began < CALLERS / 2 * DEADLINE  # two at a time would take that long
            assert {one.reason_codes for decisions in made for one in decisions} == {("policy_unavailable",)}
        finally:
            engine.close()
