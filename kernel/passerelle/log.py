"""Logs: JSON lines with allow-listed fields only.

A field that is not in `ALLOWED` is dropped and its name listed under `dropped`, so that content of a
record cannot reach a log by an oversight.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from passerelle.errors import PasserelleError

ALLOWED = frozenset(
    {
        "event", "level", "timestamp", "source", "role", "agency", "peer", "method", "code", "detail",
        "batch_id", "sequence", "records", "refused", "tokens", "links", "notifications", "tick", "size",
        "duration_ms", "revision", "engine", "decision", "job", "path", "port", "trustee", "quorum", "group",
        "epoch", "generation", "waiting", "attempt", "version", "domain", "exception_type", "dropped",
        "outbox", "state", "address",
    }
)  # fmt: skip


def configure(role: str, level: str = "INFO") -> None:
    """Send structured logs of this process to standard error.

    Raises:
        PasserelleError: `config_invalid`, no such level.
    """
    number = logging.getLevelNamesMapping().get(level.upper())
    if number is None:
        raise PasserelleError("config_invalid", "log_level: one of DEBUG, INFO, WARNING, ERROR, CRITICAL")
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _allow_listed,
            structlog.processors.JSONRenderer(sort_keys=True),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(role=role)


def get_logger(name: str) -> structlog.typing.FilteringBoundLogger:
    """A logger for one module."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(source=name)
    return logger


def _allow_listed(_logger: Any, _method: str, fields: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    dropped = sorted(name for name in fields if name not in ALLOWED)
    for name in dropped:
        del fields[name]
    if dropped:
        fields["dropped"] = dropped
    return fields
