"""A stored decision in words."""

from __future__ import annotations

import os

import pytest
from hub_kit import HubKit

from passerelle.errors import PasserelleError
from passerelle.policy_words import LANGUAGES
from passerelle_hub import facts
from passerelle_hub.explain.decision import explain


def ask(hub: HubKit, role: str) -> str:
    with hub.core.database.write() as tx:
        request = facts.admin("police", role, "directory.read", hub.clock.now())
        return hub.core.decisions.ask(tx, "admin", [request], "test")[0].id


def test_a_denial_names_its_reasons_in_each_language(hub: HubKit) -> None:
    denied = ask(hub, "operator")
    texts: set[str] = set()
    for language in LANGUAGES:
        with hub.core.database.read() as tx:
            told = explain(tx, denied, language)
        assert not told.allow
        assert ("reason", "role_not_held") in {(line.kind, line.code) for line in told.lines}
        assert denied in told.as_text()
        texts.add(told.as_text())
    assert len(texts) == len(LANGUAGES)


def test_an_allow_names_what_granted_it(hub: HubKit) -> None:
    with hub.core.database.read() as tx:
        told = explain(tx, ask(hub, "connector"), "en")
    assert told.allow
    assert [(line.kind, line.code) for line in told.lines] == [("grant", "role")]
    assert "admin (directory.read), asked for police: Allowed." in told.as_text()


def test_what_is_unknown_is_refused(hub: HubKit) -> None:
    with hub.core.database.read() as tx:
        for decision, language, code in (
            (os.urandom(16).hex(), "en", "decision_unknown"),
            ("x", "xx", "language_unknown"),
        ):
            with pytest.raises(PasserelleError) as refused:
                explain(tx, decision, language)
            assert refused.value.code == code
