"""A large batch cut into parts that an engine evaluates side by side."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Final

from passerelle_hub.policy.model import PolicyInput

_SMALLEST: Final = 50
"""Fewer inputs than this are not worth a second process or connection."""


def parts(requests: Mapping[str, PolicyInput], workers: int) -> list[dict[str, PolicyInput]]:
    """At most `workers` parts of about equal size, at least one."""
    count = max(1, min(workers, len(requests) // _SMALLEST))
    size = -(-len(requests) // count) if requests else 1
    rest = iter(requests.items())
    return [dict(islice(rest, size)) for _ in range(count)]
