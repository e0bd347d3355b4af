"""Admission on a listener that never asks for a client certificate.

A connection proves nothing about the caller here. Whoever asks for something proves who it is by a signature
in the message, and the step that answers verifies it. This module is apart from `passerelle.rpc.admission` so
that no listener that identifies its callers can be turned into one that does not by a flag.

Rules
-----
1. `AnonymousGate.open` is the whole chain: (1) rule, (2) TLS, (3) throttle by source address and in all,
   (4) audit. The first failure ends the call.
2. A call has no certificate: `passerelle.rpc.interceptor.peer` refuses to name its caller.
3. The throttle counts calls in fixed windows (a minute); it keeps one number per source and forgets them with
   the window, so that its memory is bounded by the limit in all.

All of this runs on the event loop's thread alone; no locks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from ipaddress import IPv6Network
from typing import Any, Final

import grpc.aio

from passerelle.clock import SECOND, Clock
from passerelle.errors import PasserelleError
from passerelle.log import get_logger
from passerelle.rpc.admission import check_tls
from passerelle.rpc.rule import OPENED, Audit, CallEvent, RpcRule

WINDOW: Final = 60 * SECOND
_LOG: Final = get_logger("rpc")


class Throttle:
    """At most `each` calls in a window from one source and `total` from all, per quota of the table."""

    def __init__(self, clock: Clock, each: int = 30, total: int = 600, window: int = WINDOW) -> None:
        """`window` in microseconds."""
        self._clock = clock
        self._each = each
        self._total = total
        self._length = window
        self._window = 0
        self._taken: Counter[tuple[str, str]] = Counter()
        self._all: Counter[str] = Counter()

    def take(self, source: str, quota: str) -> None:
        """Draw one call.

        Raises:
            PasserelleError: `quota_exceeded`.
        """
        window = self._clock.now() // self._length
        if window != self._window:
            self._window = window
            self._taken.clear()
            self._all.clear()
        if self._all[quota] >= self._total or self._taken[source, quota] >= self._each:
            raise PasserelleError("quota_exceeded", f"{quota}: {self._all[quota]} in this window")
        self._all[quota] += 1
        self._taken[source, quota] += 1


class AnonymousCall:
    """One admitted call of nobody in particular."""

    __slots__ = ("rule",)
    certificate: Final = None
    refusal: Final = None

    def __init__(self, rule: RpcRule) -> None:
        self.rule = rule

    def check(self) -> None:
        """Nothing about the caller can change while the call runs."""

    def check_request(self, size: int) -> None:
        """The check of a request message of `size` bytes.

        Raises:
            PasserelleError: `message_too_large`.
        """
        if size > self.rule.max_request_bytes:
            raise PasserelleError("message_too_large", f"{self.rule.method}: {size} bytes")


class AnonymousGate:
    """Decides which calls start. One per listener."""

    def __init__(self, rules: Mapping[str, RpcRule], throttle: Throttle, audit: Audit) -> None:
        self.rules = rules
        self._throttle = throttle
        self._audit = audit

    def open(self, method: str, context: grpc.aio.ServicerContext[Any, Any]) -> AnonymousCall:
        """Admit a call or refuse it; refusals are audited here.

        Raises:
            PasserelleError: `rpc_unknown`, `tls_too_weak`, `quota_exceeded`.
        """
        rule = self.rules.get(method)
        try:
            if rule is None:  # (1)
                raise PasserelleError("rpc_unknown", "no rule")
            check_tls(context.auth_context())  # (2)
            self._throttle.take(source(context.peer()), rule.quota)  # (3)
        except PasserelleError as refusal:
            event = rule.event if rule else "rpc.refused"
            self._audit.record(CallEvent(method, event, None, refusal.code))
            raise
        self._audit.record(CallEvent(method, rule.event, None, OPENED))  # (4)
        return AnonymousCall(rule)

    def close(self, call: AnonymousCall, outcome: str) -> None:
        """Record how an admitted call ended; its start was recorded, so a failure here is only logged."""
        try:
            self._audit.record(CallEvent(call.rule.method, call.rule.event, None, outcome))
        except Exception as fault:  # noqa: BLE001 - the effect has happened; its text must not reach the peer
            _LOG.error("audit.failed", method=call.rule.method, exception_type=type(fault).__name__)

    def sweep(self) -> int:
        """Nothing of a running call can lapse."""
        return 0


def source(peer: str) -> str:
    """The address behind gRPC's name of a peer, without port; an IPv6 network of 64 bits counts as one."""
    kind, _, rest = peer.partition(":")
    host = rest.rpartition(":")[0]
    if kind != "ipv6":
        return host
    address = host.replace("%5B", "").replace("%5D", "").strip("[]")
    try:
        return str(IPv6Network((address.partition("%")[0], 64), strict=False))
    except ValueError:
        return kind
