"""The words of explanations, one table a language; all tables have the same entries.

Terms are those of the glossary for the interface. A level or field without words is shown by its code, so
that a newer hub does not make an older connector fail.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final

from passerelle.errors import PasserelleError

LANGUAGES: Final = ("en", "fr", "nl", "de")


@dataclass(frozen=True, slots=True)
class Words:
    """One language: names of fields, levels and states, sentences, how numbers are grouped."""

    fields: Mapping[str, str]
    levels: Mapping[str, str]
    factors: Mapping[str, str]
    relations: Mapping[str, str]
    bands: Mapping[str, str]
    states: Mapping[str, str]
    sentences: Mapping[str, str]
    group: str

    def number(self, value: float) -> str:
        """A positive number with two figures that count, its thousands grouped as the language does."""
        digits = max(len(f"{value:.0f}") - 2, 0)
        return f"{round(value, -digits):,.0f}".replace(",", self.group)


@cache
def words(language: str) -> Words:
    """The table of a language.

    Raises:
        PasserelleError: `language_unknown`.
    """
    if language not in LANGUAGES:
        raise PasserelleError("language_unknown", f"{len(LANGUAGES)} languages are there")
    file = resources.files("passerelle_connector.explain").joinpath("data", f"{language}.toml")
    table: dict[str, Any] = tomllib.loads(file.read_text("utf-8"))
    return Words(**table)
