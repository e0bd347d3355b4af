"""JSON values of unknown shape, narrowed once and for all type checkers alike."""

from __future__ import annotations

from typing import Any, cast


def as_list(value: object) -> list[Any] | None:
    """The value as a list, None where it is none."""
    return cast("list[object]", value) if isinstance(value, list) else None


def as_object(value: object) -> dict[str, Any] | None:
    """The value as a JSON object, None where it is none."""
    return cast("dict[str, object]", value) if isinstance(value, dict) else None
