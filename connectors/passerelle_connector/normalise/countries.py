"""Countries: alpha-2, alpha-3 or a name in a common language, to ISO 3166-1 alpha-3, from a frozen table."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from passerelle_connector.normalise.tables import read
from passerelle_connector.normalise.text import latin


@cache
def _index() -> Mapping[str, str]:
    table: Mapping[str, list[str]] = read("countries-1.toml")
    index = {code: code for code in table}
    for code, names in table.items():
        for name in names:
            index.setdefault(name, code)
    return index


def alpha3(text: str) -> str:
    """The alpha-3 code, or an empty string where the table has no such country."""
    return _index().get(latin(text)[1], "")
