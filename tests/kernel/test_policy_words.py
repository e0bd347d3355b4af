"""Policy in words: no code lacks a text in any language, and no text lacks its code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from passerelle.errors import PasserelleError
from passerelle.policy_words import LANGUAGES, policy_words
from passerelle_hub.policy.model import INPUT_INVALID, OBLIGATIONS, REDACTIONS, UNAVAILABLE

_CODE = re.compile(r'"code": "(\w+)"')
_GRANT = re.compile(r'(?:grants contains |grants_\w+\([^)]*\) := \{)"(\w+)"')


def written(policies: Path, pattern: re.Pattern[str]) -> set[str]:
    """What the rules themselves say."""
    files = [path for path in policies.rglob("*.rego") if not path.name.endswith("_test.rego")]
    return {code for path in files for code in pattern.findall(path.read_text("utf-8"))}


def test_every_code_has_a_text_in_every_language(policies: Path) -> None:
    reasons = written(policies, _CODE) | {UNAVAILABLE, INPUT_INVALID}
    grants = written(policies, _GRANT)
    assert len(reasons) > 60
    assert len(grants) > 20
    for language in LANGUAGES:
        words = policy_words(language)
        assert set(words.reasons) == reasons, language
        assert set(words.grants) == grants, language
        assert set(words.obligations) == set(OBLIGATIONS), language
        assert set(words.redactions) == REDACTIONS, language


def test_rules_write_their_codes_as_texts(policies: Path) -> None:
    """A computed code would escape the test above."""
    for path in policies.rglob("*.rego"):
        text = path.read_text("utf-8")
        assert len(re.findall(r'"code":', text)) == len(_CODE.findall(text)), path.name
        computed = re.findall(r"grants contains (?!\")", text)
        assert computed == [], path.name


def test_the_tables_of_all_languages_have_the_same_entries() -> None:
    first = policy_words("en")
    for language in LANGUAGES:
        words = policy_words(language)
        assert words.sentences.keys() == first.sentences.keys()
        assert words.values.keys() == first.values.keys()
        for kind, value in OBLIGATIONS.items():
            holds = "{value}" in words.obligations[kind]
            assert holds, (language, kind, value)


def test_reasons_and_obligations_are_said_in_the_language_asked() -> None:
    english, dutch = policy_words("en"), policy_words("nl")
    assert english.reason("tier_not_allowed", {"tier": "names"}).endswith("in this domain (tier: names)")
    assert english.obligation("no_onward_sharing", True).endswith("originator's consent")
    assert dutch.obligation("keep_days_at_most", 180) == "hoogstens 180 dagen bewaard"
    assert dutch.obligation("counterpart", "coordinator").endswith("via de coördinator")
    assert english.reason("of_a_newer_hub", {}) == "of_a_newer_hub"
    with pytest.raises(PasserelleError) as refused:
        policy_words("xx")
    assert refused.value.code == "language_unknown"
