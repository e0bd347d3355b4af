"""Policy in words: a text for every code that a decision may carry, in four languages.

Codes are stable, texts are data (`data/policy-<language>.toml`); a test holds the tables against the
policies. A code without a text, of a newer hub or of an operator's own rule, is shown as it is.
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
Value = bool | int | str


@dataclass(frozen=True, slots=True)
class PolicyWords:
    """One language; each table by code."""

    sentences: Mapping[str, str]
    grants: Mapping[str, str]
    reasons: Mapping[str, str]
    obligations: Mapping[str, str]
    redactions: Mapping[str, str]
    values: Mapping[str, str]

    def grant(self, code: str) -> str:
        """What granted."""
        return self.grants.get(code, code)

    def reason(self, code: str, params: Mapping[str, Value]) -> str:
        """What denied, with its parameters."""
        text = self.reasons.get(code, code)
        given = ", ".join(f"{name}: {self._value(value)}" for name, value in sorted(params.items()))
        return f"{text} ({given})" if given else text

    def obligation(self, kind: str, value: Value) -> str:
        """On what condition. A condition that only is or is not, is named without its value."""
        text = self.obligations.get(kind, f"{kind}: {{value}}")
        if value is True:
            return text.removesuffix(": {value}")
        return text.replace("{value}", self._value(value))

    def redaction(self, name: str) -> str:
        """What is left out."""
        return self.redactions.get(name, name)

    def _value(self, value: Value) -> str:
        text = str(value).lower() if isinstance(value, bool) else str(value)
        return self.values.get(text, text)


@cache
def policy_words(language: str) -> PolicyWords:
    """The tables of a language.

    Raises:
        PasserelleError: `language_unknown`.
    """
    if language not in LANGUAGES:
        raise PasserelleError("language_unknown", f"{len(LANGUAGES)} languages are there")
    file = resources.files("passerelle").joinpath("data", f"policy-{language}.toml")
    tables: dict[str, Any] = tomllib.loads(file.read_text("utf-8"))
    return PolicyWords(**tables)
