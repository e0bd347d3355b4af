"""JSON in which every number is whole, as all signed documents are: one that holds a fraction is refused.

A number with an exponent would be read as a float, which may be infinite and then is no integer either; two
languages may also write one fraction in two ways.
"""

from __future__ import annotations

import json
from typing import Any, NoReturn


def loads(raw: bytes | str) -> Any:
    """The document.

    Raises:
        ValueError: no JSON, not UTF-8, or a number that is not whole.
        RecursionError: nested too deeply.
    """
    return json.loads(raw, parse_float=_refuse, parse_constant=_refuse)


def _refuse(_text: str) -> NoReturn:
    raise ValueError("a number that is not whole")
