"""The trustee's table of calls: who may make each, what it draws on, what is logged.

Default deny: a call without a row does not exist. No policy of the hub is asked: a trustee decides by this
table and by its own budgets.
"""

from __future__ import annotations

from typing import Final

from passerelle.identity import Role
from passerelle.rpc.rule import RpcRule, rule_table

_SERVICE: Final = "/passerelle.wire.v1.Trustee/"

DESCRIBE: Final = RpcRule(
    method=_SERVICE + "Describe",
    roles=frozenset({Role.CONNECTOR, Role.TRUSTEE}),
    package="",
    action="trustee.describe",
    quota="control",
    event="trustee.described",
)
EVALUATE: Final = RpcRule(
    method=_SERVICE + "Evaluate",
    roles=frozenset({Role.CONNECTOR}),
    package="",
    action="trustee.evaluate",
    quota="evaluations",
    event="trustee.evaluated",
)
CEREMONY: Final = RpcRule(
    method="/passerelle.wire.v1.Ceremony/Messages",
    roles=frozenset({Role.TRUSTEE}),
    package="",
    action="trustee.ceremony",
    quota="control",
    event="trustee.ceremony",
)
RULES: Final = rule_table((DESCRIBE, EVALUATE, CEREMONY))
