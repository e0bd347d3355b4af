"""Admission: every check that a call passes before its servicer runs, and again with each message.

Rules
-----
1. `Gatekeeper.open` is the whole chain, in this order: (1) rule, (2) TLS, (3) identity verified per trust
   domain, (4) time, (5) standing, (6) role and how many such calls of the caller run, (7) quota, (8) audit.
   The first failure ends the call.
2. Per message: time and standing again, in both directions; size and quota for each request. A refusal is
   sticky, so a servicer that swallows the exception gains nothing.
3. A stream on which nothing moves is covered by `sweep`, which the listener calls every few seconds.
4. The chain of a certificate is verified once per certificate and set of roots and then cached; what can
   change with time (validity, standing) is never cached. Only verified certificates enter the cache.

All of this runs on the event loop's thread alone; no locks.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final, cast

import grpc.aio
from cryptography import x509

from passerelle.certificate import PeerCertificate, Usage, claimed_identity, read_chain, verify_peer
from passerelle.clock import Clock
from passerelle.errors import PasserelleError
from passerelle.identity import Identity
from passerelle.log import get_logger
from passerelle.rpc.rule import OPENED, Audit, CallEvent, Quota, RpcRule, Standing, Trust

TLS_VERSION: Final = b"TLSv1.3"
KEY_EXCHANGE: Final = b"X25519MLKEM768"
CACHED: Final = 4096
_LOG: Final = get_logger("rpc")

AuthContext = Mapping[str, Iterable[bytes]]


class Call:
    """One admitted call. `certificate` is the caller's, verified."""

    __slots__ = ("_clock", "_quota", "_refusal", "_standing", "_task", "certificate", "rule")

    def __init__(
        self, rule: RpcRule, certificate: PeerCertificate, clock: Clock, standing: Standing, quota: Quota
    ) -> None:
        self.rule = rule
        self.certificate = certificate
        self._clock = clock
        self._standing = standing
        self._quota = quota
        self._refusal: PasserelleError | None = None
        self._task = cast("asyncio.Task[Any]", asyncio.current_task())  # gRPC runs every call in a task

    @property
    def refusal(self) -> PasserelleError | None:
        """Why this call was cut, if it was."""
        return self._refusal

    def check(self) -> None:
        """The checks of a message in either direction.

        A standing that fails in itself refuses too, as `internal`.

        Raises:
            PasserelleError: `certificate_expired`, or what the standing raises; from then on always.
        """
        if self._refusal is not None:
            raise self._refusal
        try:
            self.certificate.check_time(self._clock.now())
            shown = self.certificate
            self._standing.check(shown.identity, shown.serial, shown.issuer)
        except PasserelleError as refusal:
            self._refusal = refusal
            raise
        except Exception as fault:
            self._refusal = PasserelleError("internal", type(fault).__name__)
            raise self._refusal from fault

    def check_request(self, size: int) -> None:
        """The checks of a request message of `size` bytes.

        Raises:
            PasserelleError: as `check`; `message_too_large`, `quota_exceeded`.
        """
        self.check()
        try:
            if size > self.rule.max_request_bytes:
                raise PasserelleError("message_too_large", f"{self.rule.method}: {size} bytes")
            self._quota.take(self.certificate.identity, self.rule, size)
        except PasserelleError as refusal:
            self._refusal = refusal
            raise

    def cut(self) -> None:
        """Stop the running servicer; the interceptor reports `refusal` to the peer."""
        self._task.cancel()


class Gatekeeper:
    """Decides which calls start and which go on. One per listener."""

    def __init__(
        self,
        rules: Mapping[str, RpcRule],
        trust: Trust,
        standing: Standing,
        quota: Quota,
        audit: Audit,
        clock: Clock,
        cached: int = CACHED,
    ) -> None:
        self.rules = rules
        self.trust = trust
        self.audit = audit
        self._standing = standing
        self._quota = quota
        self._clock = clock
        self._cached = cached
        self._verified: dict[tuple[bytes, bytes], tuple[bytes, PeerCertificate]] = {}
        self._live: set[Call] = set()
        self._running: Counter[tuple[Identity, str]] = Counter()

    def open(self, method: str, context: grpc.aio.ServicerContext[Any, Any]) -> Call:
        """Admit a call or refuse it; refusals are audited here.

        Raises:
            PasserelleError: `rpc_unknown`, `tls_too_weak`, any certificate code, `trust_domain_unknown`, what
                the standing raises, `role_not_allowed`, `calls_too_many`, `quota_exceeded`.
        """
        rule = self.rules.get(method)
        caller: Identity | None = None
        try:
            if rule is None:  # (1)
                raise PasserelleError("rpc_unknown", "no rule")
            certificate = self.peer_certificate(context.auth_context())  # (2) (3)
            caller = certificate.identity
            call = Call(rule, certificate, self._clock, self._standing, self._quota)
            call.check()  # (4) (5)
            if caller.role not in rule.roles:  # (6)
                raise PasserelleError("role_not_allowed", f"{caller.role} calls {method}")
            if self._running[caller, method] >= rule.at_once:
                raise PasserelleError("calls_too_many", f"{method}: {rule.at_once} run")
            self._quota.take(caller, rule, 0)  # (7)
            self.audit.record(CallEvent(method, rule.event, caller, OPENED))  # (8)
        except PasserelleError as refusal:
            event = rule.event if rule else "rpc.refused"
            self.audit.record(CallEvent(method, event, caller, refusal.code))
            raise
        self._live.add(call)
        self._running[caller, method] += 1
        return call

    def close(self, call: Call, outcome: str) -> None:
        """Record how an admitted call ended; its start was recorded, so a failure here is only logged."""
        caller, method = call.certificate.identity, call.rule.method
        self._live.discard(call)
        if self._running[caller, method] > 1:
            self._running[caller, method] -= 1
        else:
            del self._running[caller, method]
        event = CallEvent(method, call.rule.event, caller, outcome)
        try:
            self.audit.record(event)
        except Exception as fault:  # noqa: BLE001 - the effect has happened; its text must not reach the peer
            _LOG.error("audit.failed", method=method, exception_type=type(fault).__name__)

    def sweep(self) -> int:
        """Check every running call again and cut those that fail; returns how many were cut."""
        cut = 0
        for call in tuple(self._live):
            try:
                call.check()
            except PasserelleError:
                call.cut()
                cut += 1
        return cut

    def peer_certificate(self, auth: AuthContext) -> PeerCertificate:
        """The verified certificate behind a connection.

        gRPC states the leaf in `x509_pem_cert` and the rest of the chain, without it, in
        `x509_pem_cert_chain`.

        Raises:
            PasserelleError: `tls_too_weak`, any certificate code, `trust_domain_unknown`.
        """
        check_tls(auth)
        leaf_pem = _only(auth, "x509_pem_cert")
        if not leaf_pem:
            raise PasserelleError("tls_too_weak", "no certificate")
        key = (leaf_pem, _only(auth, "x509_pem_cert_chain"))
        known = self._verified.get(key)
        if known is not None and known[0] == self.trust.roots(known[1].identity.trust_domain):
            return known[1]
        return self._verify(key)

    def _verify(self, key: tuple[bytes, bytes]) -> PeerCertificate:
        leaf: x509.Certificate = read_chain(key[0])[0]
        roots = self.trust.roots(claimed_identity(leaf, Usage.CLIENT).trust_domain)
        certificate = verify_peer(b"".join(key), roots, self._clock.now(), Usage.CLIENT)
        if len(self._verified) >= self._cached:
            del self._verified[next(iter(self._verified))]
        self._verified[key] = (roots, certificate)
        return certificate


def check_tls(auth: AuthContext) -> None:
    """Check that a connection is TLS 1.3 with the hybrid group.

    Raises:
        PasserelleError: `tls_too_weak`.
    """
    version, group = _only(auth, "ssl_tls_version"), _only(auth, "ssl_negotiated_key_exchange_group")
    if version != TLS_VERSION or group != KEY_EXCHANGE:
        raise PasserelleError("tls_too_weak", f"{version!r} {group!r}")


def _only(auth: AuthContext, name: str) -> bytes:
    """The one value of a property; empty where the property is absent or not single."""
    values = tuple(auth.get(name, ()))
    return values[0] if len(values) == 1 else b""
