"""The table of calls: who may make each one, what decides, what it costs, what is audited.

Default deny: a call without a row is refused. Each side builds its own table beside its servicers, and a
test walks the service descriptors against it, so that a new call without a row fails before it is deployed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from passerelle.identity import Identity, Role
from passerelle.log import get_logger

CONTROL_BYTES: Final = 256 * 1024
FRAME_BYTES: Final = 1024 * 1024
OPENED: Final = "opened"
DONE: Final = "done"
CANCELLED: Final = "cancelled"

_METHOD: Final = re.compile(r"/[A-Za-z0-9_.]+/[A-Za-z0-9_]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class RpcRule:
    """One row. `method` is the full name, `/package.Service/Method`.

    `package` and `action` are what policy is asked (an empty package: this table alone decides), `quota`
    names the budget that the call draws on, `event` the audit event. `max_request_bytes` holds for each
    request message, `at_once` for the calls of one caller that run side by side: what a stream holds in
    memory it holds so many times at most.
    """

    method: str
    roles: frozenset[Role]
    package: str
    action: str
    quota: str
    event: str
    max_request_bytes: int = CONTROL_BYTES
    at_once: int = 64

    def __post_init__(self) -> None:
        complete = self.roles and self.action and self.quota and self.event
        bounded = self.max_request_bytes > 0 and self.at_once > 0
        if _METHOD.fullmatch(self.method) is None or not complete or not bounded:
            raise ValueError(f"incomplete rule for {self.method}")


def rule_table(rules: Iterable[RpcRule]) -> Mapping[str, RpcRule]:
    """The rules by method.

    Raises:
        ValueError: two rules for one method.
    """
    table: dict[str, RpcRule] = {}
    for rule in rules:
        if rule.method in table:
            raise ValueError(f"two rules for {rule.method}")
        table[rule.method] = rule
    return table


class Trust(Protocol):
    """The roots of each trust domain; answers may change while the process runs (roll-over, new agencies)."""

    def roots(self, trust_domain: str) -> bytes:
        """PEM roots of one domain.

        Raises:
            PasserelleError: `trust_domain_unknown`.
        """
        ...

    def bundle(self) -> bytes:
        """PEM roots of all domains together; for the TLS layer, which cannot tell them apart."""
        ...


class Standing(Protocol):
    """Whether a verified party may still take part.

    Asked for every message: answer from memory, in microseconds.
    """

    def check(self, identity: Identity, serial: int, issuer: int = 0) -> None:
        """Pass silently or raise; `serial` is the leaf's number, `issuer` that of the authority above it.

        Raises:
            PasserelleError: `agency_unknown`, `agency_suspended`, `certificate_revoked`, `revocations_stale`.
        """
        ...


class Quota(Protocol):
    """The budget of calls and bytes."""

    def take(self, caller: Identity, rule: RpcRule, size: int) -> None:
        """Draw on `rule.quota`: once with size 0 when the call opens, then the bytes of each request message.

        Raises:
            PasserelleError: `quota_exceeded`.
        """
        ...


@dataclass(frozen=True, slots=True)
class CallEvent:
    """One audit event of a call. `outcome` is `opened`, `done`, `cancelled` or the code of the refusal.

    `caller` is None where the peer could not be identified; `event` is `rpc.refused` where no rule names one.
    """

    method: str
    event: str
    caller: Identity | None
    outcome: str


class Audit(Protocol):
    """Where the events of calls go.

    `opened` is recorded before the servicer runs: raising refuses the call.
    """

    def record(self, event: CallEvent) -> None:
        """Take one event; answer from memory, in microseconds."""
        ...


class Unlimited:
    """No budget here; for a side whose own step keeps the budget."""

    def take(self, caller: Identity, rule: RpcRule, size: int) -> None:
        """Nothing to draw on."""


class LogAudit:
    """Events go to the process's log."""

    def __init__(self) -> None:
        self._log = get_logger("rpc")

    def record(self, event: CallEvent) -> None:
        peer = str(event.caller) if event.caller else ""
        self._log.info(event.event, method=event.method, peer=peer, state=event.outcome)
