"""The table of calls and the translator of errors, without a connection."""

from __future__ import annotations

from typing import Any

import grpc
import grpc.aio
import pytest
from structlog.testing import capture_logs

from passerelle.errors import PasserelleError
from passerelle.identity import Identity, Role
from passerelle.rpc.interceptor import guarded, peer
from passerelle.rpc.rule import CONTROL_BYTES, CallEvent, LogAudit, RpcRule, Unlimited, rule_table
from passerelle.rpc.status import CODE_KEY, from_rpc, from_status

POLICE = Identity("police.example", Role.CONNECTOR, "police")
GOOD: dict[str, Any] = {
    "method": "/passerelle.wire.v1.Exchange/Submit",
    "roles": frozenset({Role.CONNECTOR}),
    "package": "submission",
    "action": "batch.submit",
    "quota": "records",
    "event": "batch.accepted",
}


def test_a_rule_limits_requests_to_control_size_unless_it_says_otherwise() -> None:
    rule = RpcRule(**GOOD)
    assert rule.max_request_bytes == CONTROL_BYTES == 262_144
    assert rule_table([rule]) == {rule.method: rule}


@pytest.mark.parametrize(
    "wrong",
    [
        {"method": "Submit"},
        {"method": "/passerelle.wire.v1.Exchange/"},
        {"roles": frozenset()},
        {"action": ""},
        {"quota": ""},
        {"event": ""},
        {"max_request_bytes": 0},
    ],
)
def test_an_incomplete_rule_is_a_programming_error(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="incomplete rule"):
        RpcRule(**{**GOOD, **wrong})


def test_two_rules_for_one_call_are_a_programming_error() -> None:
    with pytest.raises(ValueError, match="two rules"):
        rule_table([RpcRule(**GOOD), RpcRule(**{**GOOD, "action": "other"})])


def test_a_streaming_servicer_must_be_a_generator() -> None:
    async def writes(_request: bytes, context: Any) -> None:
        await context.write(b"around")

    handler = grpc.unary_stream_rpc_method_handler(writes)
    gate: Any = None
    with pytest.raises(TypeError, match="async generators"):
        guarded(gate, "/test.Echo/UnaryStream", handler)


def test_a_servicer_outside_the_guard_has_no_caller() -> None:
    with pytest.raises(PasserelleError, match="internal"):
        peer(object())


def _failure(status: grpc.StatusCode, *metadata: tuple[str, str]) -> grpc.aio.AioRpcError:
    empty: Any = grpc.aio.Metadata()
    trailing: Any = grpc.aio.Metadata(*metadata)
    return grpc.aio.AioRpcError(status, empty, trailing, "text of the peer", None)


@pytest.mark.parametrize(
    ("status", "metadata", "code"),
    [
        (grpc.StatusCode.ALREADY_EXISTS, ((CODE_KEY, "batch_replayed"),), "batch_replayed"),
        (grpc.StatusCode.ALREADY_EXISTS, ((CODE_KEY, "no_such_code"),), "peer_fault"),
        (grpc.StatusCode.INTERNAL, (), "peer_fault"),
        (grpc.StatusCode.UNAUTHENTICATED, (("other", "x"),), "peer_fault"),
        (grpc.StatusCode.UNAVAILABLE, (), "peer_unavailable"),
        (grpc.StatusCode.CANCELLED, (), "peer_unavailable"),
        (grpc.StatusCode.DEADLINE_EXCEEDED, (), "peer_timeout"),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, (), "message_too_large"),
    ],
)
def test_a_failed_call_becomes_a_coded_error(
    status: grpc.StatusCode, metadata: tuple[tuple[str, str], ...], code: str
) -> None:
    error = from_rpc(_failure(status, *metadata))
    assert error.code == code
    assert "text of the peer" not in f"{error} {error.detail}"


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        (
            "last error: UNKNOWN: ipv4:127.0.0.1:7443: Failed to connect to remote host: Connection refused",
            "127.0.0.1:7443: nobody listens there",
        ),
        (
            "errors resolving hub.example:7443: [field:hostname lookup error:address lookup failed for "
            "hub.example:7443: Domain name not found]",
            "hub.example:7443: no such host",
        ),
        (
            "last error: UNKNOWN: ipv6:[::1]:7443: Tls handshake failed (TSI_PROTOCOL_FAILURE): "
            "SSL_ERROR_SSL: error:1000007d:SSL routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED: none",
            "[::1]:7443: its certificate does not verify under the roots that we hold",
        ),
        ("last error: UNKNOWN: unix:/run/opa.sock: of a kind we never saw", "/run/opa.sock: no connection"),
    ],
)
def test_a_connection_that_failed_names_address_and_reason(text: str, detail: str) -> None:
    error = from_status(grpc.StatusCode.UNAVAILABLE, (), text)
    assert (error.code, error.detail) == ("peer_unavailable", detail)


def test_events_can_go_to_the_log() -> None:
    with capture_logs() as lines:
        LogAudit().record(CallEvent("/test.Echo/UnaryUnary", "echo.called", POLICE, "done"))
        LogAudit().record(CallEvent("/test.Echo/UnaryUnary", "rpc.refused", None, "tls_too_weak"))
    seen = [(line["event"], line["peer"], line["state"]) for line in lines]
    assert seen == [("echo.called", str(POLICE), "done"), ("rpc.refused", "", "tls_too_weak")]


def test_no_budget_refuses_nothing() -> None:
    rule = RpcRule(**GOOD)
    for size in (0, 10**12):
        Unlimited().take(POLICE, rule, size)
    assert rule.quota == "records"
