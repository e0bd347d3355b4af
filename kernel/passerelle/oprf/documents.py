"""Strict reading of the JSON documents that hold keys and shares.

Every function raises `ValueError` with a text that names members and never repeats a value, since some
values are secret; callers turn it into their own coded error. Repeated members are refused, because two
readers could pick different ones.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import cast


def parse(source: str) -> object:
    """The JSON value of a text."""
    try:
        value: object = json.loads(source, object_pairs_hook=_object)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    return value


def members(value: object, names: Sequence[str], expected_format: str = "") -> dict[str, object]:
    """The members of an object that has exactly these names and, where one is expected, this `format`."""
    if not isinstance(value, dict) or sorted(cast("dict[str, object]", value)) != sorted(names):
        raise ValueError(f"not an object of {', '.join(names)}")
    found = cast("dict[str, object]", value)
    if expected_format and found["format"] != expected_format:
        raise ValueError(f"not of format {expected_format}")
    return found


def text(value: object) -> str:
    """A string."""
    if not isinstance(value, str):
        raise ValueError("a string was expected")  # noqa: TRY004 - one kind of error for malformed documents
    return value


def number(value: object) -> int:
    """An integer; booleans are none."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError("an integer was expected")  # noqa: TRY004 - one kind of error for malformed documents
    return value


def array(value: object) -> list[object]:
    """A list."""
    if not isinstance(value, list):
        raise ValueError("a list was expected")  # noqa: TRY004 - one kind of error for malformed documents
    return cast("list[object]", value)


def hexadecimal(value: object) -> bytes:
    """Bytes, written in lower-case hexadecimal."""
    found = text(value)
    data = bytes.fromhex(found)
    if data.hex() != found:
        raise ValueError("hexadecimal was expected in lower case and without spaces")
    return data


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member is repeated")
    return found
