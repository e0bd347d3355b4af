"""The table of calls of an authority: what each draws on, what is logged.

Default deny: a call without a row does not exist. The listener never asks for a client certificate, so
`roles` is not checked against a connection: for Renew it lists the roles that a signed request may speak for
(`passerelle_pki.renew`), for Enrol those that a one-time code may be made for, for Announce those that sign
with a manifest key, for Status and Revocations everybody. Operators and the authority itself have no
registered manifest key and renew nothing here.
"""

from __future__ import annotations

from typing import Final

from passerelle.identity import Role
from passerelle.rpc.rule import RpcRule, rule_table

_SERVICE: Final = "/passerelle.wire.v1.Enrolment/"

RENEW: Final = RpcRule(
    method=_SERVICE + "Renew",
    roles=frozenset(Role) - {Role.OPERATOR, Role.PKI},
    package="",
    action="enrolment.renew",
    quota="renewals",
    event="enrolment.renewed",
    max_request_bytes=16 * 1024,
)
STATUS: Final = RpcRule(
    method=_SERVICE + "Status",
    roles=frozenset(Role),
    package="",
    action="enrolment.status",
    quota="control",
    event="enrolment.status",
    max_request_bytes=1024,
)
ENROL: Final = RpcRule(
    method=_SERVICE + "Enrol",
    roles=frozenset(Role) - {Role.OPERATOR, Role.PKI},
    package="",
    action="enrolment.enrol",
    quota="enrolments",
    event="enrolment.requested",
    max_request_bytes=64 * 1024,
)
REVOCATIONS: Final = RpcRule(
    method=_SERVICE + "Revocations",
    roles=frozenset(Role),
    package="",
    action="revocations.read",
    quota="control",
    event="revocations.read",
    max_request_bytes=1024,
)
ANNOUNCE: Final = RpcRule(
    method=_SERVICE + "Announce",
    roles=frozenset(Role) - {Role.OPERATOR, Role.PKI},
    package="",
    action="manifest.announce",
    quota="announcements",
    event="manifest.announced",
    max_request_bytes=64 * 1024,
)
RULES: Final = rule_table((RENEW, STATUS, ENROL, REVOCATIONS, ANNOUNCE))
