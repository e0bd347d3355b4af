"""The hub's table of calls: who may make each, which policy package decides, its quota, its audit event.

Default deny: a call without a row does not exist. A test walks the service descriptors against it.
"""

from __future__ import annotations

import threading
from collections import deque

from passerelle.identity import Identity, Role
from passerelle.record import MAX_FRAME_BYTES
from passerelle.rpc.rule import DONE, CallEvent, RpcRule, rule_table
from passerelle_hub.audit import Audit, EventKind
from passerelle_hub.store import Database

_SERVICE = "/passerelle.wire.v1."
_READERS = frozenset({Role.CONNECTOR, Role.TRUSTEE, Role.SUPERVISOR, Role.WITNESS, Role.OPERATOR})
_CONNECTOR = frozenset({Role.CONNECTOR})
_STREAMS = 4
"""Of one agency and kind at once; a connector has one, and a broken one may linger. Each can hold a batch."""

SUBMIT = RpcRule(
    method=_SERVICE + "Exchange/Submit",
    roles=_CONNECTOR,
    package="submission",
    action="put",
    quota="records",
    event=EventKind.BATCH_ACCEPTED,
    max_request_bytes=MAX_FRAME_BYTES,
    at_once=_STREAMS,
)
NOTIFICATIONS = RpcRule(
    method=_SERVICE + "Exchange/Notifications",
    roles=_CONNECTOR,
    package="admin",
    action="notifications.subscribe",
    quota="streams",
    event=EventKind.NOTIFICATIONS_OPENED,
    at_once=_STREAMS,
)
RECONCILE = RpcRule(
    method=_SERVICE + "Exchange/Reconcile",
    roles=_CONNECTOR,
    package="admin",
    action="reconcile",
    quota="control",
    event=EventKind.HOLDINGS_COMPARED,
)
DESCRIBE = RpcRule(
    method=_SERVICE + "Directory/Describe",
    roles=_READERS,
    package="admin",
    action="directory.read",
    quota="control",
    event=EventKind.DIRECTORY_READ,
)
AGENCIES = RpcRule(
    method=_SERVICE + "Directory/Agencies",
    roles=_READERS,
    package="admin",
    action="directory.read",
    quota="control",
    event=EventKind.DIRECTORY_READ,
)


REPORT = RpcRule(
    method=_SERVICE + "TrusteeReports/Report",
    roles=frozenset({Role.TRUSTEE}),
    package="admin",
    action="tokens.report",
    quota="control",
    event=EventKind.EVALUATIONS_REPORTED,
)


def _log_read(method: str) -> RpcRule:
    return RpcRule(
        method=f"{_SERVICE}Transparency/{method}",
        roles=_READERS,
        package="admin",
        action="log.read",
        quota="control",
        event=EventKind.LOG_READ,
    )


CHECKPOINT = _log_read("Checkpoint")
INCLUSION = _log_read("InclusionProof")
CONSISTENCY = _log_read("ConsistencyProof")
PROVE = _log_read("Prove")
TILES = _log_read("Tiles")

EXPLAIN = RpcRule(
    method=_SERVICE + "Administration/ExplainDecision",
    roles=frozenset({Role.OPERATOR, Role.SUPERVISOR}),
    package="admin",
    action="decisions.explain",
    quota="control",
    event=EventKind.DECISION_EXPLAINED,
)
PREVIEW = RpcRule(
    method=_SERVICE + "Preview/WhoWouldLearn",
    roles=_CONNECTOR,
    package="admin",
    action="preview",
    quota="control",
    event=EventKind.PREVIEW_ASKED,
)
QUERY = RpcRule(
    method=_SERVICE + "Query/Ask",
    roles=_CONNECTOR,
    package="query",
    action="ask",
    quota="queries",
    event=EventKind.QUERY_ASKED,
)
JUDGE = RpcRule(
    method=_SERVICE + "Judgement/Judge",
    roles=_CONNECTOR,
    package="case",
    action="judge",
    quota="judgements",
    event=EventKind.LINK_JUDGED,
)


def _closer(method: str, event: EventKind) -> RpcRule:
    return RpcRule(
        method=f"{_SERVICE}Closer/{method}",
        roles=_CONNECTOR,
        package="admin",
        action="closer.answer",
        quota="control",
        event=event,
    )


CLOSER_QUESTIONS = _closer("Questions", EventKind.CLOSER_QUESTIONS)
CLOSER_ANSWER = _closer("Answer", EventKind.CLOSER_ANSWERED)
COSIGN = RpcRule(
    method=_SERVICE + "Transparency/Cosign",
    roles=frozenset({Role.CONNECTOR, Role.SUPERVISOR, Role.WITNESS}),
    package="admin",
    action="log.cosign",
    quota="control",
    event=EventKind.LOG_COSIGNED,
)
SEARCH = RpcRule(
    method=_SERVICE + "Transparency/Search",
    roles=frozenset({Role.SUPERVISOR}),
    package="admin",
    action="log.search",
    quota="control",
    event=EventKind.LOG_SEARCHED,
)
_LOG_CALLS = (CHECKPOINT, INCLUSION, CONSISTENCY, PROVE, TILES, COSIGN, SEARCH)

_CLOSER_CALLS = (CLOSER_QUESTIONS, CLOSER_ANSWER)

RULES = rule_table(
    [
        SUBMIT,
        NOTIFICATIONS,
        RECONCILE,
        DESCRIBE,
        AGENCIES,
        REPORT,
        EXPLAIN,
        PREVIEW,
        QUERY,
        JUDGE,
        *_CLOSER_CALLS,
        *_LOG_CALLS,
    ]
)


class StepsCharge:
    """The listener's budget hook: steps charge quotas inside their own transactions, see `quota`."""

    def take(self, caller: Identity, rule: RpcRule, size: int) -> None:
        """Nothing here: a charge outside the transaction it pays for could be lost or doubled."""


class RefusedCalls:
    """The listener's audit hook: keeps refused calls in memory until the tick writes them to the log.

    Admitted calls are audited by their steps, with their effect. At most `limit` refusals wait, the rest
    are counted, so that a flood of refused calls cannot fill memory or log.
    """

    def __init__(self, limit: int = 1_000) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[CallEvent] = deque()
        self._limit = limit
        self._more = 0

    def record(self, event: CallEvent) -> None:
        """Take one event of a call."""
        if event.outcome in ("opened", "cancelled", DONE):
            return
        with self._lock:
            if len(self._waiting) < self._limit:
                self._waiting.append(event)
            else:
                self._more += 1

    def flush(self, database: Database, audit: Audit) -> None:
        """Write what waits to the log."""
        with self._lock:
            waiting, more = tuple(self._waiting), self._more
            self._waiting.clear()
            self._more = 0
        if not waiting and not more:
            return
        with database.write() as tx:
            for event in waiting:
                caller = str(event.caller) if event.caller else "unidentified"
                audit.append(tx, EventKind.CALL_REFUSED, caller, method=event.method, code=event.outcome)
            if more:
                audit.append(tx, EventKind.CALL_REFUSED, "unidentified", more=more)
